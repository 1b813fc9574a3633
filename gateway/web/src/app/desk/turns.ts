/** To which of the librarian's sessions a shortcut turns. */
import { SessionList } from "../../gen/carrel/session/v1/session_service_pb";
import { awaitedSince } from "../../state/awaited";
import { type Lists, rowsOf } from "../../state/lists";
import type { Sessions } from "../../state/sessions";

/** A way to turn: to the session above or below in My Active, or to the patron who waits for an answer. */
export type Turn = "next" | "previous" | "awaited";

/** Returns the session to turn to from the one that is shown, if any. The list goes on at its other end. */
export function turnTo(turn: Turn, lists: Lists, sessions: Sessions, shown: string | undefined): string | undefined {
  const ids = rowsOf(lists, SessionList.MY_ACTIVE).map((row) => row.sessionId);
  if (turn === "awaited") return longestAwaited(ids, sessions, shown);
  const here = shown === undefined ? -1 : ids.indexOf(shown);
  if (turn === "next") return ids[(here + 1) % ids.length];
  return ids[(here <= 0 ? ids.length : here) - 1];
}

/** The patron who has waited longest for an answer, apart from the one that is shown: that one is in sight already. */
function longestAwaited(ids: readonly string[], sessions: Sessions, shown: string | undefined): string | undefined {
  let found: string | undefined;
  let earliest = Number.POSITIVE_INFINITY;
  for (const id of ids) {
    const since = id === shown ? undefined : awaitedSince(sessions.get(id)?.events ?? []);
    if (since !== undefined && since < earliest) [found, earliest] = [id, since];
  }
  return found;
}
