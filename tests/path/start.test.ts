// `npm start` as docs/DEVELOPER_GETTING_STARTED.md promises it: what it writes, what it refuses, and that it continues where it
// stopped.

import { once } from "node:events";
import { existsSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort, Pipeline, spawnStart, temporaryFolder } from "../harness/pipeline.ts";
import { processTree } from "../harness/processes.ts";
import { Sender } from "../harness/sender.ts";
import { settledFaults } from "../harness/stores.ts";

async function outcome(environment: Record<string, string>): Promise<{ code: number | null; output: string }> {
  const child = spawnStart(environment);
  let output = "";
  child.stdout?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  await once(child, "exit");
  return { code: child.exitCode, output };
}

describe("npm start", () => {
  let pipeline: Pipeline;

  beforeAll(async () => {
    pipeline = await Pipeline.start();
  });

  afterAll(async () => {
    await pipeline?.remove();
  });

  it("writes the keys and the endpoints. Only their owner can read the keys", () => {
    expect(pipeline.keys.publicKey).toMatch(/^pk_/);
    expect(pipeline.keys.secretKey).toMatch(/^sk_/);
    expect(statSync(join(pipeline.dataDir, "dev-keys.json")).mode & 0o077).toBe(0);
    expect(Object.keys(pipeline.endpoints).sort()).toEqual(["database", "dynamodb", "kinesis", "s3"]);
    expect(pipeline.output).toContain(`ready ${pipeline.origin}`);
  });

  it("refuses a data folder in use, and says so", async () => {
    const { code, output } = await outcome({ PORT: String(await freePort()), DATA_DIR: pipeline.dataDir });
    expect(code).not.toBe(0);
    expect(output).toMatch(/DATA_DIR|data folder/i);
  });

  it("refuses a port in use, and names the variable", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    const dataDir = temporaryFolder("port");
    const { code, output } = await outcome({ PORT: String(port), DATA_DIR: dataDir });
    server.close();
    rmSync(dataDir, { recursive: true, force: true });
    expect(code).not.toBe(0);
    expect(output).toMatch(/PORT/);
  });

  it("stops every child on Ctrl-C and continues where it stopped", async () => {
    const before = pipeline.keys;
    const sender = new Sender({ origin: pipeline.origin, writeKey: before.publicKey, batchSize: 50, concurrency: 2 });
    await sender.send(500);
    const pids = pipeline.processes.map(({ pid }) => pid);
    expect(await pipeline.stop()).toBe(0);
    expect(pids.flatMap((pid) => processTree(pid))).toEqual([]);
    await pipeline.restart();
    expect(pipeline.keys).toEqual(before);
    const { acknowledged, sent } = sender;
    expect(await settledFaults(() => pipeline.endpoints, before.project, acknowledged, sent, 60_000)).toEqual([]);
  });

  it("restarts a crashed child within 10 s", async () => {
    expect(pipeline.kill(/functions\.ts/)).toBeGreaterThan(0);
    const deadline = Date.now() + 10_000;
    let status = 0;
    while (Date.now() < deadline && status !== 200) {
      await new Promise((resolve) => setTimeout(resolve, 250));
      status = await pipeline.read("/v1/query/realtime").then(
        (answer) => answer.status,
        () => 0,
      );
    }
    expect(status).toBe(200);
  });
});

describe("a first start that is killed", () => {
  it("leaves a data folder that the next start can use", async () => {
    const dataDir = temporaryFolder("killed");
    const port = await freePort();
    for (const afterMs of [400, 1_500, 3_000]) {
      const child = spawnStart({ PORT: String(port), DATA_DIR: dataDir });
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      for (const { pid } of processTree(child.pid as number)) process.kill(pid, "SIGKILL");
      await once(child, "exit").catch(() => undefined);
    }
    const pipeline = await Pipeline.start({ dataDir, port });
    expect(existsSync(join(dataDir, "dev-keys.json"))).toBe(true);
    const sender = new Sender({
      origin: pipeline.origin,
      writeKey: pipeline.keys.publicKey,
      batchSize: 10,
      concurrency: 1,
    });
    await sender.send(20);
    expect(sender.acknowledged.size).toBe(20);
    await pipeline.remove();
  });
});
