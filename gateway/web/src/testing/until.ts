import { vi } from "vitest";

/** Waits until a check no longer throws. A limit for what hangs, not a measure: pages draw slowly on a busy machine. */
export const until = <T>(check: () => T | Promise<T>): Promise<T> => vi.waitFor(check, { timeout: 30_000 });
