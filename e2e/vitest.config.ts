import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    // Each file has a Carrel and a Chromium of its own; on two cores they would only slow each other down.
    fileParallelism: false,
    // A limit for what hangs, not a measure: a story takes seconds.
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
