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

/** Whether the patron waited for a librarian at an event: at first, and again after a librarian was lost. */
export function waitedAt(events: readonly SessionEvent[], { position }: SessionEvent): boolean {
  const turn = events.findLast(
    (event) => event.position < position && (event.payload.case === "pickedUp" || event.payload.case === "returned"),
  );
  return turn?.payload.case !== "pickedUp";
}

/** Who ended a session (D52). A patron who waits has no chat to end: they leave the queue. */
export function endLine(event: SessionEvent, own: boolean, toPatron: boolean, waited: boolean): string {
  if (waited && event.author?.part === Part.PATRON) return toPatron ? "You left the queue" : "Patron left the queue";
  if (own) return toPatron ? "You ended the chat" : "Librarian ended: you ended this session";
  if (event.author?.part === Part.PATRON) return "Patron ended";
  return toPatron ? `${nameOf(event.author)} ended the chat` : `Librarian ended: ${nameOf(event.author)}`;
}
