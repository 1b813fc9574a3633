/**
 * The guard against answering a colleague's note in the patron's box (R10, S33).
 */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { SessionEvent } from "../gen/carrel/session/v1/session_event_pb";

const GUARDED = 30_000;

/** What merely happens: it answers no note, and takes none out of a librarian's mind. */
const PASSED_OVER = new Set<SessionEvent["payload"]["case"]>(["colleagueLeft", "patronConnection", "escalated"]);
/** What is drawn as a note, and so may be answered like one (R14). */
const NOTES = new Set<SessionEvent["payload"]["case"]>(["note", "transferOffered", "transferClosed"]);

/**
 * The position of the note that a message for the patron may be meant for, or nothing.
 *
 * That is so when the last that anybody has said in the session is somebody else's note, or their word on a transfer,
 * and the message was begun or is sent within 30 seconds of it. `begun` and `now` are the server's time.
 */
export function noteInDoubt(
  events: readonly SessionEvent[],
  isOwn: (event: SessionEvent) => boolean,
  begun: number,
  now: number,
): number | undefined {
  const last = events.findLast((event) => !isPassedOver(event, isOwn));
  if (last?.time === undefined || !NOTES.has(last.payload.case) || isOwn(last)) return undefined;
  const written = timestampMs(last.time);
  return Math.min(begun, now) - written <= GUARDED ? Number(last.position) : undefined;
}

function isPassedOver(event: SessionEvent, isOwn: (event: SessionEvent) => boolean): boolean {
  // That the user's own offer is over says nothing to anybody: it lapses by itself.
  return PASSED_OVER.has(event.payload.case) || (event.payload.case === "transferClosed" && isOwn(event));
}
