/** What the user can do with a librarian in the Librarians list. */

import type { Desk } from "../../app/desk/desk";
import type { LibrarianRow } from "../../gen/carrel/presence/v1/presence_service_pb";
import { patronOf } from "../../patron_label";
import { shares } from "../../state/roster";
import type { MenuEntry } from "../parts/menu";

/**
 * Returns the entries of a librarian's menu, in order (S41). The session that is shown can be offered to them from
 * here.
 */
export function librarianMenu(desk: Desk, row: LibrarianRow): MenuEntry[] {
  const unavailable = shares(row) ? undefined : "You do not share a queue";
  const entries: MenuEntry[] = [{ label: "Start IM Session", unavailable, onChoose: () => desk.im.start(row) }];
  const view = desk.view.value;
  if (view !== undefined && desk.transfers.mayOffer(view.sessionId)) {
    entries.push({
      label: `Transfer ${patronOf(view.session, "the patron")} …`,
      unavailable,
      onChoose: () => desk.transfers.open(view.sessionId, row.librarianId),
    });
  }
  return entries;
}
