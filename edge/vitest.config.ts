// The edge's tests run in workerd, with the Worker, its Durable Objects and KV as wrangler.toml declares them. What stands
// behind the edge (Kinesis, the query backend) is started once by test/servers.ts and reached over its own protocol.

import { fileURLToPath } from "node:url";
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

export default defineConfig({
  plugins: [
    cloudflareTest(({ inject }) => ({
      wrangler: { configPath: path("../wrangler.toml") },
      miniflare: {
        // The page is built elsewhere and need not be there.
        assets: { directory: path("test/assets"), binding: "ASSETS" },
        bindings: {
          AWS_ACCESS_KEY_ID: "local",
          AWS_SECRET_ACCESS_KEY: "local-secret",
          KINESIS_ENDPOINT: inject<string>("kinesisEndpoint"),
          QUERY_ENDPOINT: inject<string>("queryEndpoint"),
          INTERNAL_SECRET: "internal-secret-of-at-least-32-characters",
          SESSION_SECRET: "session-secret-of-at-least-32-characters",
          DEMO_WRITE_KEY: "pk_test_demo",
        },
      },
    })),
  ],
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/servers.ts"],
    testTimeout: 20_000,
    hookTimeout: 20_000,
    silent: "passed-only",
  },
});
