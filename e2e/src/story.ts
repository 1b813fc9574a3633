/** A story is told in tests that follow on each other: after one that failed, the rest would only fail too. */
import { beforeEach } from "vitest";
import type { Stage } from "./stage";

/** Skips the tests after one that failed, and keeps a picture of every browser as it was then. */
export function tellStory(stage: () => Stage | undefined): void {
  let broken = false;
  beforeEach((context) => {
    context.skip(broken, "the story broke off before");
    context.onTestFailed(async () => {
      broken = true;
      await stage()?.pictures("failed");
    });
  });
}
