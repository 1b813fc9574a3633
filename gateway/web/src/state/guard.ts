/**
 * The guard against answering a colleague's note in the patron's box (R10, S33).
 */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { SessionEvent } from "../gen/carrel/session/v1/session_event_pb";

const GUARDED = 30_000;

/** Events that are ignored: they answer no note, and do not make a librarian forget one. */
const PASSED_OVER = new Set<SessionEvent["payload"]["case"]>(["colleagueLeft", "patronConnection", "escalated"]);
/** Events that are drawn as notes, and so may be answered like one (R14). */
const NOTES = new Set<SessionEvent["payload"]["case"]>(["note", "transferOffered", "transferClosed"]);

/**
 * Returns the position of the note that a message in the patron's box may be meant to answer, or `undefined`.
 *
 * That is so if the last thing said in the session is another person's note or transfer event, and the message was begun
 * or is sent within 30 seconds of it. `begun` and `now` are in the server's time.
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
  // The end of the user's own offer needs no answer: an offer lapses by itself.
  return PASSED_OVER.has(event.payload.case) || (event.payload.case === "transferClosed" && isOwn(event));
}
