import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    // Each file has a Carrel and a Chromium of its own; on two cores they would only slow each other down.
    fileParallelism: false,
    // Only to catch hangs: a story takes seconds, and so does starting a Carrel, a Chromium and the people at it.
    testTimeout: 120_000,
    hookTimeout: 240_000,
  },
});
