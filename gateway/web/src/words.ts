/** Names and sentences that are used in several places. */
import { type SessionEvent, type TransferClosed, TransferOutcome } from "./gen/carrel/session/v1/session_event_pb";
import {
  EndReason,
  Part,
  PatronConnection,
  type Person,
  Resolution,
  type TransferOffer,
} from "./gen/carrel/session/v1/session_pb";
import { texts } from "./texts/texts";

/** Returns the name to show for a person. */
export function nameOf(person: Person | undefined): string {
  const { somebody, patron, librarian } = texts().events;
  if (person === undefined) return somebody;
  if (person.part === Part.PATRON) return person.name || patron;
  return isNameless(person) ? librarian : person.name;
}

/** Returns a text, or its beginning and an ellipsis if it is longer than so many characters. */
export function beginningOf(text: string, characters: number): string {
  // Twice as many code units always hold enough characters, and a long text is not taken apart as a whole.
  const begun = [...text.slice(0, 2 * characters + 2)];
  return begun.length > characters ? `${begun.slice(0, characters).join("").trimEnd()} …` : text;
}

/** Names the librarians who owned a session, in their order (D49): "Ms Map, then Mr Key". */
export function inTurn(owners: readonly Person[]): string {
  return owners.map(nameOf).join(texts().events.afterwards);
}

/** Names them to a reader of the transcript. Empty if there are none, or a patron is told nobody's name (R12). */
export function ownersLine(owners: readonly Person[], toPatron: boolean): string {
  return toPatron && owners.every(isNameless) ? "" : inTurn(owners);
}

/** What the server calls a librarian whose name is not shown. */
const NAMELESS = "Librarian";

/** Whether a librarian's name is not shown. */
export function isNameless({ name }: Person): boolean {
  return name === NAMELESS || name === "";
}

/**
 * Returns what to call a person at the beginning of a sentence. A librarian whose name is not shown is "The librarian"
 * there: the word that stands above their messages would make a broken sentence in most languages.
 */
export function subjectOf(person: Person | undefined): string {
  const isLibrarian = person !== undefined && person.part !== Part.PATRON;
  return isLibrarian && isNameless(person) ? texts().events.theLibrarian : nameOf(person);
}

/** Says that a librarian was lost and the patron waits again (R7). The patron reads only that they wait again. */
export function returnedLine(event: SessionEvent, own: boolean, toPatron: boolean): string {
  if (toPatron) return texts().events.waitingAgain;
  return own
    ? "Your connection was lost; the patron is waiting again"
    : `${nameOf(event.author)}'s connection was lost; the patron is waiting again`;
}

/** Returns the name of a queue. */
export type QueueName = (queueId: string) => string;

/** The reader of a conversation. */
export interface Reader {
  isOwn: (event: SessionEvent) => boolean;
  /** Whether the reader is the patron. */
  isPatron: boolean;
  /** Gives the name that staff see for a queue. If absent, its id is used. */
  queueName?: QueueName;
}

/** Says to whom a session is offered. */
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

/** Says how an offer ended without being accepted, as staff read it. */
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

/** Says who has the patron from now on (R15, D47). The patron is told neither who had them before nor of the offer. */
export function transferredLine(event: SessionEvent, own: boolean, toPatron: boolean): string {
  if (toPatron) return texts().events.nowAnswering(newcomer(event.author));
  const from = event.payload.case === "transferred" ? event.payload.value.from : undefined;
  const who = own ? "You" : nameOf(event.author);
  return `${who} accepted this patron${from === undefined ? "" : ` from ${nameOf(from)}`}`;
}

/** The new owner as the patron reads it: if the library does not show its librarians' names, "Another librarian". */
function newcomer(person: Person | undefined): string {
  return person !== undefined && isNameless(person) ? texts().events.anotherLibrarian : nameOf(person);
}

/** Says how the patron's connection is, as staff read it (R8, D51, D54). */
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

/**
 * Whether the patron was waiting for a librarian at an event: before the first pick-up or after a librarian was lost.
 */
export function waitedAt(events: readonly SessionEvent[], { position }: SessionEvent): boolean {
  const turn = events.findLast(
    (event) => event.position < position && (event.payload.case === "pickedUp" || event.payload.case === "returned"),
  );
  return turn?.payload.case !== "pickedUp";
}

/** Says that a session was erased (R20): to staff also by whom, or that its time was over. */
export function erasedLine(event: SessionEvent, own: boolean, toPatron: boolean): string {
  if (toPatron) return texts().events.erased;
  if (own) return "You erased this session";
  return event.author === undefined ? "Erased when its time was over" : `Erased by ${nameOf(event.author)}`;
}

/**
 * Says that the patron's name and e-mail address were erased (R20). The words around it still say what each one did.
 */
export function identityErasedLine(toPatron: boolean): string {
  return toPatron
    ? texts().events.identityErased
    : "The patron's name and e-mail address were erased when their time was over";
}

/**
 * Says who ended a session (D52), or that nobody did (D53). A waiting patron has no chat to end: they leave the queue.
 */
export function endLine(event: SessionEvent, own: boolean, toPatron: boolean, waited: boolean): string {
  const { youLeftQueue, youEnded, ended, abandoned } = texts().events;
  if (event.payload.case === "ended" && event.payload.value.reason === EndReason.ABANDONED) {
    return toPatron ? abandoned : "Ended by itself: the patron did not come back";
  }
  if (waited && event.author?.part === Part.PATRON) return toPatron ? youLeftQueue : "Patron left the queue";
  if (own) return toPatron ? youEnded : "Librarian ended: you ended this session";
  if (event.author?.part === Part.PATRON) return "Patron ended";
  return toPatron ? ended(subjectOf(event.author)) : `Librarian ended: ${nameOf(event.author)}`;
}

/** The resolutions that can be chosen, in words (R16). */
export const RESOLUTION_CHOICES: readonly (readonly [Resolution, string])[] = [
  [Resolution.ANSWERED, "Answered"],
  [Resolution.FOLLOW_UP_BY_ME, "Follow-up by me"],
  [Resolution.FOLLOW_UP_BY_LIBRARY, "Follow-up by the patron's library"],
  [Resolution.LOST_CALL, "Lost call"],
  [Resolution.PRACTICE, "Practice"],
];

/**
 * Returns a resolution in words. `by` is the librarian who set it, or undefined if the reader did: then "by me" is
 * right.
 */
export function resolutionWords(resolution: Resolution, by: Person | undefined): string {
  if (resolution === Resolution.UNSPECIFIED) return "Not coded yet";
  if (resolution === Resolution.FOLLOW_UP_BY_ME && by !== undefined) return `Follow-up by ${nameOf(by)}`;
  return (
    RESOLUTION_CHOICES.find(([choice]) => choice === resolution)?.[1] ?? "Coded in a way that this page does not know"
  );
}

/** Says who set or corrected the resolution. */
export function resolutionLine(event: SessionEvent, events: readonly SessionEvent[], own: boolean): string {
  if (event.payload.case !== "resolutionSet") return "";
  const words = resolutionWords(event.payload.value.resolution, own ? undefined : event.author);
  const isCorrected = events.some(
    ({ payload, position }) => payload.case === "resolutionSet" && position < event.position,
  );
  return `${own ? "You" : nameOf(event.author)} ${isCorrected ? "corrected" : "set"} the resolution to: ${words}`;
}

/** Returns descriptive codes in words (D65). */
export function codesWords(codes: readonly string[]): string {
  return codes.length === 0 ? "none" : codes.join(", ");
}

/** Says who set or corrected the descriptive codes. */
export function codesLine(event: SessionEvent, events: readonly SessionEvent[], own: boolean): string {
  if (event.payload.case !== "descriptiveCodesSet") return "";
  const isCorrected = events.some(
    ({ payload, position }) => payload.case === "descriptiveCodesSet" && position < event.position,
  );
  const did = isCorrected ? "corrected" : "set";
  return `${own ? "You" : nameOf(event.author)} ${did} the descriptive codes to: ${codesWords(event.payload.value.codes)}`;
}
