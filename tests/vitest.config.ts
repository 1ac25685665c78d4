import { defineConfig } from "vitest/config";

// Each file runs a whole pipeline of a dozen processes: one at a time.
export default defineConfig({
  test: {
    include: ["path/**/*.test.ts", "browser/**/*.test.ts", "chaos/**/*.test.ts", "compat/**/*.test.ts"],
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});
