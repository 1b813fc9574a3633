/** Names and sentences that several places use. */
import type { SessionEvent } from "./gen/carrel/session/v1/session_event_pb";
import { Part, type Person } from "./gen/carrel/session/v1/session_pb";

/** The name to show for somebody. */
export function nameOf(person: Person | undefined): string {
  if (person === undefined) return "Somebody";
  return person.name || (person.part === Part.PATRON ? "Patron" : "Librarian");
}

/** That a librarian was lost and the patron waits again (R7). To a patron it is a wait like any other. */
export function returnedLine(event: SessionEvent, own: boolean, toPatron: boolean): string {
  if (toPatron) return "You are waiting for a librarian again";
  return own
    ? "Your connection was lost; the patron waits again"
    : `${nameOf(event.author)}'s connection was lost; the patron waits again`;
}

/** Who ended a session (D52). */
export function endLine(event: SessionEvent, own: boolean, toPatron: boolean): string {
  if (own) return toPatron ? "You ended the chat" : "Librarian ended: you ended this session";
  if (event.author?.part === Part.PATRON) return "Patron ended";
  return toPatron ? `${nameOf(event.author)} ended the chat` : `Librarian ended: ${nameOf(event.author)}`;
}
