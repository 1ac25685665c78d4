// `wrangler dev` alone accepts an event and delivers it. `.dev.vars` names services that already run.

import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { freePort, Pipeline, temporaryFolder } from "../harness/pipeline.ts";
import { killAll, processTree } from "../harness/processes.ts";
import { settledFaults } from "../harness/stores.ts";

const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));

let pipeline: Pipeline;
let wrangler: ChildProcess;
let folder: string;
let port: number;

beforeAll(async () => {
  pipeline = await Pipeline.start();
  folder = temporaryFolder("wrangler");
  port = await freePort();
  // The repository's own configuration, used from another folder, so that a developer's `.dev.vars` is not changed.
  const configuration = readFileSync(join(REPOSITORY, "wrangler.toml"), "utf8")
    .replace('main = "', `main = "${REPOSITORY}`)
    .replace('directory = "', `directory = "${REPOSITORY}`);
  writeFileSync(join(folder, "wrangler.toml"), configuration);
  copyFileSync(join(pipeline.dataDir, "dev.vars"), join(folder, ".dev.vars"));
  const args = [
    "dev",
    "--port",
    String(port),
    "--inspector-port",
    String(await freePort()),
    "--persist-to",
    join(folder, "state"),
  ];
  wrangler = spawn(join(REPOSITORY, "node_modules/.bin/wrangler"), args, {
    cwd: folder,
    env: { ...process.env, WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false", CI: "true" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  wrangler.stdout?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  wrangler.stderr?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const deadline = Date.now() + 60_000;
  while (
    !(await fetch(`http://127.0.0.1:${port}/healthz`).then(
      (answer) => answer.ok,
      () => false,
    ))
  ) {
    if (Date.now() > deadline) throw new Error(`wrangler dev does not answer:\n${output}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
});

afterAll(async () => {
  if (wrangler?.pid !== undefined && wrangler.exitCode === null) {
    const ended = once(wrangler, "exit");
    killAll(processTree(wrangler.pid));
    await ended;
  }
  await pipeline?.remove();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

it("accepts an event and delivers it to every tier", async () => {
  const messageId = randomUUID();
  const answer = await fetch(`http://127.0.0.1:${port}/v1/track`, {
    method: "POST",
    headers: { Authorization: `Bearer ${pipeline.keys.publicKey}` },
    body: JSON.stringify({ event: "Sent to wrangler dev", anonymousId: "device-1", messageId }),
  });
  expect(await answer.json()).toMatchObject({ success: true, accepted: 1 });
  const ids = new Set([messageId]);
  expect(await settledFaults(() => pipeline.endpoints, pipeline.keys.project, ids, ids, 60_000)).toEqual([]);
});
