// The edge on one machine: the Worker, its shards and KV run in workerd, under Miniflare. This process is a child of
// scripts/start.ts, which restarts it when it exits or stops answering.

import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { convertV4MiniflareOptions, Miniflare, type MiniflareOptions } from "miniflare";
import { bundleWorker } from "./bundle.ts";

const SWEEP_EVERY_MS = 60_000;

interface Settings {
  port: number;
  dataDir: string;
  vars: Record<string, string>;
}

const PASSED_VARS = [
  "AWS_REGION",
  "AWS_ACCESS_KEY_ID",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "KINESIS_ENDPOINT",
  "RAW_STREAM",
  "SECONDARY_AWS_REGION",
  "SECONDARY_KINESIS_ENDPOINT",
  "SECONDARY_AWS_ACCESS_KEY_ID",
  "SECONDARY_AWS_SECRET_ACCESS_KEY",
  "QUERY_ENDPOINT",
  "INTERNAL_SECRET",
  "SESSION_SECRET",
  "LEDGER_SECRET",
  "DEMO_WRITE_KEY",
];

function readSettings(environment: NodeJS.ProcessEnv): Settings {
  const vars: Record<string, string> = { AWS_REGION: "us-east-1", RAW_STREAM: "behaviour-raw" };
  for (const name of PASSED_VARS) {
    const value = environment[name];
    if (value !== undefined && value !== "") vars[name] = value;
  }
  return {
    port: Number(environment.PORT ?? 8787),
    dataDir: join(environment.DATA_DIR ?? ".data", "edge"),
    vars,
  };
}

interface Deployed {
  compatibilityDate: string;
  durableObjects: Record<string, { className: string; useSQLite: true }>;
}

/** Reads the Worker's settings from wrangler.toml. An earlier copy of the list in this file lacked the rate limiter. */
function readWrangler(): Deployed {
  const text = readFileSync(fileURLToPath(new URL("../../wrangler.toml", import.meta.url)), "utf8");
  const date = /^compatibility_date\s*=\s*"([\d-]+)"/m.exec(text)?.[1];
  const objects = [...text.matchAll(/^name = "([A-Z]+)"\nclass_name = "(\w+)"$/gm)];
  if (date === undefined || objects.length === 0) {
    throw new Error("wrangler.toml must name a compatibility_date and durable_objects.bindings");
  }
  const durableObjects: Deployed["durableObjects"] = {};
  for (const [, name, className] of objects) {
    durableObjects[name as string] = { className: className as string, useSQLite: true };
  }
  return { compatibilityDate: date, durableObjects };
}

async function options(settings: Settings): Promise<MiniflareOptions> {
  return convertV4MiniflareOptions({
    name: "behaviour-edge",
    host: "127.0.0.1",
    port: settings.port,
    modules: [{ type: "ESModule", path: "worker.js", contents: await bundleWorker() }],
    ...readWrangler(),
    compatibilityFlags: ["nodejs_compat"],
    bindings: settings.vars,
    kvNamespaces: { KEYS: "behaviour-keys" },
    resourcePersistencePath: settings.dataDir,
    assets: {
      directory: fileURLToPath(new URL("../../web/dist", import.meta.url)),
      binding: "ASSETS",
      routerConfig: { has_user_worker: true, invoke_user_worker_ahead_of_assets: true },
    },
    logRequests: false,
    // Loopback has no country. Miniflare would otherwise place every caller in Texas.
    cf: { colo: "LOCAL", httpProtocol: "HTTP/1.1" },
    // Miniflare restarts a workerd that crashed by itself, on the same port and data.
    unsafeHandleRuntimeRestart: () => console.error("edge: workerd had exited and was restarted"),
  });
}

let stopping = false;

async function main(): Promise<void> {
  const settings = readSettings(process.env);
  mkdirSync(settings.dataDir, { recursive: true });
  const miniflare = new Miniflare(await options(settings));
  const stop = async () => {
    if (stopping) return;
    stopping = true;
    await miniflare.dispose();
    process.exit(0);
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  // When the parent exits, the channel closes. No child outlives the parent, not even after `kill -9`.
  process.on("disconnect", stop);
  const url = await miniflare.ready;
  console.log(`edge: ${url.origin}`);
  setInterval(async () => {
    const worker = await miniflare.getWorker();
    await worker.scheduled({ cron: "* * * * *" });
  }, SWEEP_EVERY_MS);
}

await main();
