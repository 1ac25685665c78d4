import { defineConfig } from "vitest/config";

// Each file runs a whole pipeline of a dozen processes: one at a time.
export default defineConfig({
  test: {
    include: ["path/**/*.test.ts", "browser/**/*.test.ts", "chaos/**/*.test.ts", "compat/**/*.test.ts"],
    fileParallelism: false,
    // The full form of a chaos test is minutes of outage, and two more to recover.
    testTimeout: process.env.CHAOS === "full" ? 1_200_000 : 180_000,
    hookTimeout: 180_000,
  },
});
