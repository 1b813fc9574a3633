/** A story is a sequence of tests that build on each other: after a failure the rest would only fail, too. */
import { beforeEach } from "vitest";
import type { Stage } from "./stage";

/** Skips the tests after one that failed, and saves a screenshot of every open page at the failure. */
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
