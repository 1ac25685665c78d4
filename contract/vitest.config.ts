// The contract's tests are pure and run in Node. Timings decide nothing: a test is given up only when it hangs.

import { defineConfig } from "vitest/config";

export default defineConfig({ test: { include: ["test/**/*.test.ts"], testTimeout: 120_000 } });
