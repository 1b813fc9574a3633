/**
 * The guard against answering a colleague's note in the patron's box (R10, S33).
 */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { SessionEvent } from "../gen/carrel/session/v1/session_event_pb";

const GUARDED = 30_000;

/**
 * The position of the note that a message for the patron may be meant for, or nothing.
 *
 * That is so when the newest thing in the session is somebody else's note, and the message was begun or is sent
 * within 30 seconds of it. `begun` and `now` are the server's time.
 */
export function noteInDoubt(
  events: readonly SessionEvent[],
  isOwn: (event: SessionEvent) => boolean,
  begun: number,
  now: number,
): number | undefined {
  const newest = events.at(-1);
  if (newest?.payload.case !== "note" || newest.time === undefined || isOwn(newest)) return undefined;
  const written = timestampMs(newest.time);
  return Math.min(begun, now) - written <= GUARDED ? Number(newest.position) : undefined;
}
