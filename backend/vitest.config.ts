// The backend's tests run on the embedded stores. Timings decide nothing: a test is given up only when it hangs.

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { include: ["test/**/*.test.ts"], testTimeout: 120_000, hookTimeout: 180_000 },
});
