/** The changes of the lists and the events that call a librarian to the desk. */

import type { SessionEvent } from "../../gen/carrel/session/v1/session_event_pb";
import { Part } from "../../gen/carrel/session/v1/session_pb";
import { SessionList, type SessionRow } from "../../gen/carrel/session/v1/session_service_pb";
import { patronOf } from "../../patron_label";
import { arrivals, type Lists } from "../../state/lists";
import { nameOf } from "../../words";
import type { AlertKind } from "../parts/alerts_settings";

/** One call to the desk. */
export interface Call {
  kind: AlertKind;
  /** What may be shown outside the page. */
  text: string;
  /** What a screen reader on the page is told. */
  said: string;
}

/** Returns the calls for what is new in the lists: waiting patrons and offered sessions. */
export function callsFor(before: Lists, after: Lists): Call[] {
  return [
    ...arrivals(before, after, SessionList.NEW).map(forPatron),
    ...arrivals(before, after, SessionList.OFFERED).map(forOffer),
  ];
}

/**
 * Returns what may be shown outside the page for another person's event in a session on the desk, if it calls the
 * librarian. What was said, and the patron's name, stay on the page.
 */
export function sessionCall({ author, payload }: SessionEvent, institutionName: string): string | undefined {
  const did = payload.case === undefined ? undefined : CALLS[payload.case];
  if (did === undefined) return undefined;
  const library = institutionName || "a library";
  if (author?.part === Part.PATRON) return `A patron of ${library} has ${did}`;
  return `${nameOf(author)} has ${did} in the session with a patron of ${library}`;
}

/** The events by others that call a librarian to a session, in words. */
const CALLS: Partial<Record<NonNullable<SessionEvent["payload"]["case"]>, string>> = {
  message: "written",
  page: "sent a web page",
  note: "written a note",
  ended: "ended the chat",
};

function forPatron(row: SessionRow): Call {
  const again = row.returned ? ", who lost their librarian" : "";
  return {
    kind: "patron",
    text: `A patron of ${row.institutionName} is waiting`,
    said: `Waiting under New: ${patronOf(row, "a patron")} of ${row.institutionName}${again}.`,
  };
}

function forOffer(row: SessionRow): Call {
  const from = nameOf(row.transferOffer?.from);
  return {
    kind: "transfer",
    text: `${from} offers you a patron of ${row.institutionName}`,
    said: `${from} offers you ${patronOf(row, "a patron")} of ${row.institutionName}. Alt+Shift+T goes to it.`,
  };
}
