/** The words in which a librarian hears of what others do in the sessions in hand. */
import type { SessionEvent } from "../gen/carrel/session/v1/session_event_pb";
import { Part } from "../gen/carrel/session/v1/session_pb";
import { nameOf } from "../words";

/** What is said of an event, or nothing. `isShown` is whether its session is the one that the librarian sees. */
export function newsOf(event: SessionEvent, patronName: string | undefined, isShown: boolean): string | undefined {
  const name = nameOf(event.author);
  const patron = patronName || "the patron";
  const where = isShown ? "" : ` In the session with ${patron}.`;
  switch (event.payload.case) {
    case "message":
      return `${name}: ${event.payload.value.text}${where}`;
    case "note":
      return `Note, staff only, from ${name}: ${event.payload.value.text}${where}`;
    case "page":
      return `${name} sent a web page: ${event.payload.value.host}${where}`;
    case "colleagueLeft":
      return `${name} left the session.${where}`;
    case "returned":
      return `${name}'s connection was lost; ${patron} waits again. You can take over.${where}`;
    case "pickedUp":
      return `${name} picked ${patron} up.${where}`;
    case "ended":
      return event.author?.part === Part.PATRON
        ? `${patron === "the patron" ? "The patron" : patron} ended the session.`
        : `${name} ended the session with ${patron}.`;
    default:
      return undefined;
  }
}
