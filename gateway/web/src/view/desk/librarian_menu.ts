/** What can be done with a librarian of the Librarians list. */
import type { Desk } from "../../app/desk";
import type { LibrarianRow } from "../../gen/carrel/presence/v1/presence_service_pb";
import { shares } from "../../state/roster";
import type { MenuEntry } from "../parts/menu";

/** The entries of a librarian's menu, in order (S41). */
export function librarianMenu(desk: Desk, row: LibrarianRow): MenuEntry[] {
  const unavailable = shares(row) ? undefined : "You monitor no queue together";
  return [{ label: "Start IM Session", unavailable, onChoose: () => desk.im.start(row) }];
}
