/** What a patron's screen reader is told of the events in their session. */
import type { SessionEvent } from "../../gen/carrel/session/v1/session_event_pb";
import { Part } from "../../gen/carrel/session/v1/session_pb";
import { texts } from "../../texts/texts";
import { endLine, subjectOf, transferredLine, waitedAt } from "../../words";

/** Whether the patron is the author of an event. */
export function isByPatron(event: SessionEvent): boolean {
  return event.author?.part === Part.PATRON;
}

/** Returns what is said of an event, if anything. `events` are all events of the session so far. */
export function patronNews(event: SessionEvent, events: readonly SessionEvent[]): string | undefined {
  const { here, page, waitingAgain } = texts().news;
  const name = event.author === undefined ? texts().events.theLibrarian : subjectOf(event.author);
  switch (event.payload.case) {
    case "pickedUp":
      return here(name);
    case "message":
      return isByPatron(event) ? undefined : `${name}: ${event.payload.value.text}`;
    case "page":
      return page(name, event.payload.value.host);
    case "transferred":
      return `${transferredLine(event, false, true)}.`;
    case "returned":
      return waitingAgain;
    case "ended":
      return `${endLine(event, isByPatron(event), true, waitedAt(events, event))}.`;
    default:
      return undefined;
  }
}
