/** Names and sentences that several places use. */
import { type SessionEvent, type TransferClosed, TransferOutcome } from "./gen/carrel/session/v1/session_event_pb";
import { Part, PatronConnection, type Person, type TransferOffer } from "./gen/carrel/session/v1/session_pb";

/** The name to show for somebody. */
export function nameOf(person: Person | undefined): string {
  if (person === undefined) return "Somebody";
  return person.name || (person.part === Part.PATRON ? "Patron" : "Librarian");
}

/** That a librarian was lost and the patron waits again (R7). To a patron it is a wait like any other. */
export function returnedLine(event: SessionEvent, own: boolean, toPatron: boolean): string {
  if (toPatron) return "You are waiting for a librarian again";
  return own
    ? "Your connection was lost; the patron is waiting again"
    : `${nameOf(event.author)}'s connection was lost; the patron is waiting again`;
}

/** Says the name of a queue. */
export type QueueName = (queueId: string) => string;

/** For whose eyes a conversation is. */
export interface Reader {
  isOwn: (event: SessionEvent) => boolean;
  /** Whether the reader is the patron. */
  isPatron: boolean;
  /** How staff call a queue. Without it, by its id. */
  queueName?: QueueName;
}

/** To whom a session is offered. */
export function offeredTo(offer: TransferOffer | undefined, queueName: QueueName): string {
  switch (offer?.to.case) {
    case "librarian":
      return nameOf(offer.to.value);
    case "queueId":
      return `the queue ${queueName(offer.to.value)}`;
    default:
      return "somebody";
  }
}

/** How an offer came to nothing, as staff read it. */
export function closedLine(closed: TransferClosed, to: string): string {
  switch (closed.outcome) {
    case TransferOutcome.DECLINED:
      return closed.reason ? `Transfer declined: ${closed.reason}` : "Transfer declined";
    case TransferOutcome.LAPSED:
      return `Transfer to ${to} lapsed: nobody accepted in time`;
    default:
      return `Transfer to ${to} withdrawn`;
  }
}

/** Who has the patron from now on (R15, D47). A patron is not told who had them before, nor that anything was offered. */
export function transferredLine(event: SessionEvent, own: boolean, toPatron: boolean): string {
  if (toPatron) return `${newcomer(event.author)} is now answering you`;
  const from = event.payload.case === "transferred" ? event.payload.value.from : undefined;
  const who = own ? "You" : nameOf(event.author);
  return `${who} accepted this patron${from === undefined ? "" : ` from ${nameOf(from)}`}`;
}

/** A library may keep its librarians' names to itself: then the patron hears of another librarian. */
function newcomer(person: Person | undefined): string {
  const name = nameOf(person);
  return name === "Librarian" ? "Another librarian" : name;
}

/** Whether the patron is there, as staff read it (R8, D51, D54). */
export function patronConnectionLine(connection: PatronConnection): string {
  switch (connection) {
    case PatronConnection.AWAY:
      return "The patron's connection is gone for the moment";
    case PatronConnection.LOST:
      return "The patron's connection is lost; they can still come back and read what you write";
    default:
      return "The patron is connected again";
  }
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
