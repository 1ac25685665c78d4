// Runs the backend's tests on the embedded stores. No result depends on timing: a timeout only ends a test that hangs.

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { include: ["test/**/*.test.ts"], testTimeout: 120_000, hookTimeout: 180_000 },
});
