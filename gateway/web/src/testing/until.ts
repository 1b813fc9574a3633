import { vi } from "vitest";

/** Waits until a check no longer throws. The timeout is only for hangs: pages render slowly on a busy machine. */
export const until = <T>(check: () => T | Promise<T>): Promise<T> => vi.waitFor(check, { timeout: 30_000 });
