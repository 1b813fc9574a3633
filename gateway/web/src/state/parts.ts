/**
 * Snapshots that come in parts: the gateway splits a long one into a first frame and changes that follow it. So what a
 * snapshot leaves out may still come, and counts as gone only when it has not come for a while.
 */

/** How long the next part of a snapshot may take to arrive, in milliseconds. */
export const PARTS_TAKE = 2_000;

/** What the last snapshot left out, by key. */
export interface LeftOut {
  readonly keys: ReadonlySet<string>;
  /** When it counts as gone. */
  readonly goneAt: number;
}

/** Nothing is left out. */
export const nothingLeftOut: LeftOut = { keys: new Set(), goneAt: 0 };

/** Returns which of the keys known before a snapshot it leaves out. */
export function leftOutOf(there: { has: (key: string) => boolean }, before: Iterable<string>, now: number): LeftOut {
  return { keys: new Set([...before].filter((key) => !there.has(key))), goneAt: now + PARTS_TAKE };
}

/** Notes that something came, or is known to be gone. The other parts may then take as long again. */
export function settled(leftOut: LeftOut, key: string, now: number): LeftOut {
  if (!leftOut.keys.has(key)) return leftOut;
  const keys = new Set(leftOut.keys);
  keys.delete(key);
  return { keys, goneAt: now + PARTS_TAKE };
}

/** Returns what counts as gone by now. */
export function goneBy(leftOut: LeftOut, now: number): ReadonlySet<string> {
  return now < leftOut.goneAt ? nothingLeftOut.keys : leftOut.keys;
}
