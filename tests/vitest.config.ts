import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

// Each file runs a whole pipeline of a dozen processes, so only one file runs at a time.
export default defineConfig({
  // The edge's tables of odd inputs run over a whole pipeline (path/odd-inputs.test.ts). Their import of the runtime is replaced
  // by a module that reaches the pipeline.
  resolve: {
    alias: { "cloudflare:workers": fileURLToPath(new URL("harness/edge-stand-in.ts", import.meta.url)) },
  },
  test: {
    include: [
      "worst-input/**/*.test.ts",
      "path/**/*.test.ts",
      "browser/**/*.test.ts",
      "chaos/**/*.test.ts",
      "compat/**/*.test.ts",
      "load/**/*.test.ts",
      "budget/**/*.test.ts",
    ],
    fileParallelism: false,
    // The full form of a chaos test has minutes of outage and two more minutes to recover.
    testTimeout: process.env.CHAOS === "full" ? 1_200_000 : 180_000,
    hookTimeout: 180_000,
  },
});
