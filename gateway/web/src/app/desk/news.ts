/** What a librarian is told of the events in the sessions on the desk. */
import { type SessionEvent, type TransferClosed, TransferOutcome } from "../../gen/carrel/session/v1/session_event_pb";
import { Part, PatronConnection } from "../../gen/carrel/session/v1/session_pb";
import { beginningOf, codesWords, nameOf, offeredTo, type QueueName, resolutionWords } from "../../words";

/** The librarian who is told. */
export interface Hearer {
  /** The librarian's id. */
  librarianId: string | undefined;
  /** What to call the session's patron. */
  patron: string;
  /** Whether the session is the one that is shown. */
  isShown: boolean;
  queueName: QueueName;
}

/** How many characters of a text are said of a session that is not shown: enough to know whether to turn to it. */
export const HEARD = 100;

/** Returns what is said of an event, if anything. Of the librarian's own acts, only the end of an offer is told. */
export function newsOf(event: SessionEvent, hearer: Hearer): string | undefined {
  const { author, payload } = event;
  const { patron } = hearer;
  const name = author?.part === Part.PATRON ? sentence(patron) : nameOf(author);
  const where = hearer.isShown ? "" : ` In the session with ${patron}.`;
  // The patron's name says which session it is.
  const there = hearer.isShown || author?.part === Part.PATRON ? "" : ` in the session with ${patron}`;
  const own = isBy(author?.librarianId, hearer);
  if (payload.case === "transferClosed") return closedNews(payload.value, own ? "you" : name, patron);
  if (own) return undefined;
  switch (payload.case) {
    case "message":
      return hearer.isShown
        ? `${name}: ${payload.value.text}`
        : `${name} wrote${there}: ${beginningOf(payload.value.text, HEARD)}`;
    case "note":
      return hearer.isShown
        ? `Note, staff only, from ${name}: ${payload.value.text}`
        : `${name} wrote a note, staff only,${there}: ${beginningOf(payload.value.text, HEARD)}`;
    case "page":
      return `${name} sent a web page${there}: ${payload.value.host}`;
    case "colleagueLeft":
      return `${name} left the session.${where}`;
    case "returned":
      return `${name}'s connection was lost; ${patron} is waiting again. You can take over.${where}`;
    case "pickedUp":
      return `${name} picked ${patron} up.${where}`;
    case "transferOffered":
      return `${name} offered ${patron} to ${offeredTo(payload.value.offer, hearer.queueName)}.`;
    case "transferred":
      // The librarian who handed over is told when their attendance ends.
      return isBy(payload.value.from?.librarianId, hearer) ? undefined : `${name} has ${patron} now.`;
    case "patronConnection":
      return connectionNews(payload.value.connection, patron);
    case "ended":
      return author?.part === Part.PATRON
        ? `${sentence(patron)} ended the session.`
        : `${name} ended the session with ${patron}.`;
    case "resolutionSet":
      return `${name} set the resolution: ${resolutionWords(payload.value.resolution, author)}.${where}`;
    case "descriptiveCodesSet":
      return `${name} set the descriptive codes: ${codesWords(payload.value.codes)}.${where}`;
    default:
      return undefined;
  }
}

function isBy(librarianId: string | undefined, hearer: Hearer): boolean {
  return librarianId !== undefined && librarianId !== "" && librarianId === hearer.librarianId;
}

/** Says how an offer ended without being accepted. `by` is who declined, or else the owner who made the offer. */
function closedNews({ outcome, reason }: TransferClosed, by: string, patron: string): string | undefined {
  switch (outcome) {
    case TransferOutcome.DECLINED:
      return `${sentence(by)} declined ${patron}${reason ? `: ${reason}` : "."}`;
    case TransferOutcome.LAPSED:
      return `Nobody accepted ${patron} in time; ${patron} stays with ${by}.`;
    default:
      return undefined;
  }
}

function connectionNews(connection: PatronConnection, patron: string): string {
  switch (connection) {
    case PatronConnection.AWAY:
      return `${sentence(patron)}'s connection is gone for the moment.`;
    case PatronConnection.LOST:
      return `${sentence(patron)}'s connection is lost.`;
    default:
      return `${sentence(patron)} is connected again.`;
  }
}

function sentence(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
