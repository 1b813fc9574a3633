import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    // Each file has a Carrel and a Chromium of its own; on two cores they would only slow each other down.
    fileParallelism: false,
    // Limits for what hangs, not measures: a story takes seconds, and so do a Carrel, a Chromium and who comes to it.
    testTimeout: 120_000,
    hookTimeout: 240_000,
  },
});
