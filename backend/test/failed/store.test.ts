// Tests the failed-events store on an S3 emulator, read back with our own code and with DuckDB.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GetObjectCommand, ListObjectsV2Command } from "@aws-sdk/client-s3";
import { BUCKETS, type FailedEvent } from "@behaviour/contract";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { s3Client } from "../../src/aws.ts";
import { type Emulated, startEmulated } from "../process/emulators.ts";

// The timeouts only end tests that hang. The emulators share two cores with other work.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 60_000 });

let emulated: Emulated;
let folder: string;
beforeAll(async () => {
  emulated = await startEmulated();
  folder = await mkdtemp(join(tmpdir(), "failed-"));
});
afterAll(async () => {
  await emulated.stop();
  await rm(folder, { recursive: true, force: true });
});

const NOON = Date.UTC(2026, 10, 5, 12);
const DAY = 86_400_000;

function failed(id: string, changes: Partial<FailedEvent> = {}): FailedEvent {
  return {
    id,
    project: "shop",
    messageId: `message-${id}`,
    code: "invalid_event",
    message: "The event does not satisfy the contract any more.",
    pointer: "/type",
    stage: "process",
    failedAtMs: NOON + 5,
    receivedAtMs: NOON,
    payload: '{"a":"ü"}',
    payloadCut: false,
    ...changes,
  };
}

const list = (changes: object = {}) =>
  emulated.failedEvents.list({ project: "shop", fromMs: NOON - 10 * DAY, toMs: NOON + DAY, limit: 100, ...changes });

describe("the store", () => {
  it("returns the stored events by project, code and time, newest first", async () => {
    const events = [
      failed("a"),
      failed("b", { receivedAtMs: NOON - DAY, pointer: null, messageId: null }),
      failed("c", { code: "unstorable", stage: "warm", receivedAtMs: NOON + 1 }),
      failed("d", { project: "other/../shop" }),
      failed("e", { receivedAtMs: null, failedAtMs: NOON - 2 * DAY, payloadCut: true }),
    ];
    await emulated.failedEvents.store(events, "shardId-0-1-process");
    expect(await list()).toEqual([events[2], events[0], events[1], events[4]]);
    expect(await list({ code: "unstorable" })).toEqual([events[2]]);
    expect(await list({ limit: 1 })).toEqual([events[2]]);
    expect(await list({ fromMs: NOON, toMs: NOON + 1 })).toEqual([events[0]]);
    expect(await list({ project: "other/../shop" })).toEqual([events[3]]);
    expect(await list({ project: "nobody" })).toEqual([]);
  });

  it("replaces the events that the same origin stored before", async () => {
    const project = "again";
    await emulated.failedEvents.store([failed("x", { project })], "shardId-0-2-process");
    await emulated.failedEvents.store([failed("x", { project }), failed("y", { project })], "shardId-0-2-process");
    expect((await list({ project })).map((event) => event.id).sort()).toEqual(["x", "y"]);
  });

  it("writes files that other tools read", async () => {
    const project = "duck";
    await emulated.failedEvents.store([failed("q", { project }), failed("r", { project })], "shardId-0-3-process");
    const s3 = s3Client(emulated.config);
    const Prefix = `project=${project}/code=invalid_event/day=2026-11-05/`;
    const listed = await s3.send(new ListObjectsV2Command({ Bucket: BUCKETS.failedEvents, Prefix }));
    const [Key] = (listed.Contents ?? []).map((object) => object.Key);
    expect(Key).toBe(`${Prefix}shardId-0-3-process.parquet`);
    const object = await s3.send(new GetObjectCommand({ Bucket: BUCKETS.failedEvents, Key }));
    const path = join(folder, "failed.parquet");
    await writeFile(path, (await object.Body?.transformToByteArray()) ?? new Uint8Array());
    s3.destroy();
    const duck = await (await DuckDBInstance.create(":memory:")).connect();
    const sql = `select id, message_id, epoch_ms(received_at)::double as ms, payload, payload_cut from '${path}' order by id`;
    const rows = (await duck.runAndReadAll(sql)).getRowObjectsJson();
    duck.closeSync();
    expect(rows).toEqual(
      ["q", "r"].map((id) => ({ id, message_id: `message-${id}`, ms: NOON, payload: '{"a":"ü"}', payload_cut: false })),
    );
  });
});
