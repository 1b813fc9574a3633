/**
 * The guard against answering a colleague's note in the patron's box (R10, S33).
 */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { SessionEvent } from "../gen/carrel/session/v1/session_event_pb";
import { isNote } from "./session";

const GUARDED = 30_000;

/** Events that are ignored: they answer no note, and do not make a librarian forget one. */
const PASSED_OVER = new Set<SessionEvent["payload"]["case"]>(["colleagueLeft", "patronConnection", "escalated"]);
/** What tells of a transfer: without typed words there is nothing to answer, and a note before it is still the last. */
const TRANSFERS = new Set<SessionEvent["payload"]["case"]>(["transferOffered", "transferClosed"]);

/**
 * Returns the position of the note that a message in the patron's box may be meant to answer, or `undefined`.
 *
 * That is so if the last thing said in the session is another person's note, or words of theirs with an offer or its
 * answer (R14), and the message was begun or is sent within 30 seconds of it. `begun` and `now` are in the server's
 * time.
 */
export function noteInDoubt(
  events: readonly SessionEvent[],
  isOwn: (event: SessionEvent) => boolean,
  begun: number,
  now: number,
): number | undefined {
  const last = events.findLast((event) => !isPassedOver(event, isOwn));
  if (last?.time === undefined || !isNote(last) || isOwn(last)) return undefined;
  const written = timestampMs(last.time);
  return Math.min(begun, now) - written <= GUARDED ? Number(last.position) : undefined;
}

function isPassedOver(event: SessionEvent, isOwn: (event: SessionEvent) => boolean): boolean {
  if (PASSED_OVER.has(event.payload.case)) return true;
  // The end of the user's own offer needs no answer: an offer lapses by itself.
  if (event.payload.case === "transferClosed" && isOwn(event)) return true;
  // An offer of the user's own shows that they have read what came before it.
  return TRANSFERS.has(event.payload.case) && !isNote(event) && !isOwn(event);
}
