// Configures the edge's tests. Most tests run in workerd, with the Worker, its Durable Objects and KV as wrangler.toml declares
// them. The servers behind the edge (Kinesis, the query backend) are started once by test/servers/start.ts and reached over their
// own protocols. The tests in test/http run in Node, and talk to the bundled Worker over a socket.

import { fileURLToPath } from "node:url";
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

const limits = { testTimeout: 120_000, hookTimeout: 120_000, silent: "passed-only" } as const;

const workerd = cloudflareTest(({ inject }) => ({
  main: path("test/worker.ts"),
  wrangler: { configPath: path("../wrangler.toml") },
  miniflare: {
    // The real pages are built elsewhere and may be missing here.
    assets: { directory: path("test/assets"), binding: "ASSETS" },
    bindings: {
      AWS_ACCESS_KEY_ID: "local",
      AWS_SECRET_ACCESS_KEY: "local-secret",
      KINESIS_ENDPOINT: inject<string>("kinesisEndpoint"),
      QUERY_ENDPOINT: inject<string>("queryEndpoint"),
      INTERNAL_SECRET: "internal-secret-of-at-least-32-characters",
      SESSION_SECRET: "session-secret-of-at-least-32-characters",
      LEDGER_SECRET: "ledger-secret-of-at-least-32-characters",
      DEMO_WRITE_KEY: "pk_test_demo",
    },
  },
}));

export default defineConfig({
  test: {
    // A test file waits for its workerd as long as it computes. By default two cores would run only one file at a time.
    maxWorkers: 2,
    projects: [
      {
        plugins: [workerd],
        test: {
          ...limits,
          name: "workerd",
          include: ["test/**/*.test.ts"],
          exclude: ["test/http/**"],
          globalSetup: ["test/servers/start.ts"],
        },
      },
      { test: { ...limits, name: "http", include: ["test/http/**/*.test.ts"] } },
    ],
  },
});
