/**
 * The chats that somebody has left for good in this browser: cleared, or ended from another tab. A tab that is
 * reopened, or comes back by Back, remembers its chat by itself, and must not show it to who comes next (D78).
 */
import { forgetShared, recallShared, rememberShared, sharedKeys } from "../parts/shared_storage";

const LEFT = "carrel.left.";

/** Notes that a chat was left. `until` is when nobody could be let into it any more, in milliseconds since 1970. */
export function leaveChat(sessionId: string, until: number): void {
  rememberShared(LEFT + sessionId, until);
}

/** Returns whether a chat was left. */
export function isLeft(sessionId: string): boolean {
  return recallShared(LEFT + sessionId) !== undefined;
}

/** Forgets the chats that nobody could be let into any more. */
export function forgetOldLeft(now: number): void {
  for (const key of sharedKeys(LEFT)) {
    const until = recallShared(key);
    if (typeof until !== "number" || until <= now) forgetShared(key);
  }
}
