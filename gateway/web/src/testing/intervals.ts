/** Ends the clocks of the pages with each test file: they would tick on when its document is gone already. */
import { afterAll } from "vitest";

const begin = globalThis.setInterval;
const running = new Set<ReturnType<typeof begin>>();

globalThis.setInterval = ((...args: Parameters<typeof begin>) => {
  const interval = begin(...args);
  running.add(interval);
  return interval;
}) as typeof begin;

afterAll(() => {
  for (const interval of running) clearInterval(interval);
});
