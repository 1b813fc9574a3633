/** The words in which a librarian hears of what happens in the sessions in hand. */
import { type SessionEvent, type TransferClosed, TransferOutcome } from "../gen/carrel/session/v1/session_event_pb";
import { Part, PatronConnection } from "../gen/carrel/session/v1/session_pb";
import { nameOf, offeredTo, type QueueName } from "../words";

/** For whom the words are. */
export interface Hearer {
  /** The librarian's id. */
  librarianId: string | undefined;
  /** The name of the session's patron, if it is known. */
  patronName: string | undefined;
  /** Whether the session is the one that the librarian sees. */
  isShown: boolean;
  queueName: QueueName;
}

/** What is said of an event, or nothing. Of their own acts nobody needs to be told, but of how an offer ended. */
export function newsOf(event: SessionEvent, hearer: Hearer): string | undefined {
  const { author, payload } = event;
  const name = nameOf(author);
  const patron = hearer.patronName || "the patron";
  const where = hearer.isShown ? "" : ` In the session with ${patron}.`;
  const own = isBy(author?.librarianId, hearer);
  if (payload.case === "transferClosed") return closedNews(payload.value, own ? "you" : name, patron);
  if (own) return undefined;
  switch (payload.case) {
    case "message":
      return `${name}: ${payload.value.text}${where}`;
    case "note":
      return `Note, staff only, from ${name}: ${payload.value.text}${where}`;
    case "page":
      return `${name} sent a web page: ${payload.value.host}${where}`;
    case "colleagueLeft":
      return `${name} left the session.${where}`;
    case "returned":
      return `${name}'s connection was lost; ${patron} is waiting again. You can take over.${where}`;
    case "pickedUp":
      return `${name} picked ${patron} up.${where}`;
    case "transferOffered":
      return `${name} offered ${patron} to ${offeredTo(payload.value.offer, hearer.queueName)}.`;
    case "transferred":
      // Who handed over hears it by the end of their attending.
      return isBy(payload.value.from?.librarianId, hearer) ? undefined : `${name} has ${patron} now.`;
    case "patronConnection":
      return connectionNews(payload.value.connection, patron);
    case "ended":
      return author?.part === Part.PATRON
        ? `${sentence(patron)} ended the session.`
        : `${name} ended the session with ${patron}.`;
    default:
      return undefined;
  }
}

function isBy(librarianId: string | undefined, hearer: Hearer): boolean {
  return librarianId !== undefined && librarianId !== "" && librarianId === hearer.librarianId;
}

/** How an offer came to nothing. `by` is who declined, or the owner who offered. */
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
