// Tests a shard on the storage of the previous release (golden/shard-storage-1.json). Waiting rows are sent, known ids stay
// known, and revoked keys stay refused, even if the previous release ran again in between. Storage of a later release is not
// touched. ADR 011.

import { runInDurableObject } from "cloudflare:test";
import { decodeFrame, packIds } from "@behaviour/contract";
import { describe, expect, it } from "vitest";
import { legacyEntry } from "../../src/ledger/entry.ts";
import { packSubjects } from "../../src/shard/consent-claim.ts";
import { migrate } from "../../src/shard/schema.ts";
import { EventStore } from "../../src/shard/store.ts";
import golden from "../golden/shard-storage-1.json";
import { newProject } from "../keys.ts";
import { bytesOf, setFaults, streamState } from "../servers/kinesis/stream.ts";
import { append, appendInput, loseMemory, runAlarm, shardOf, storedRows, untilFlushed } from "./stub.ts";

/** The time when the golden storage was written. Its times are shifted to the current time. */
const GOLDEN_MS = 1_796_067_468_427;
const CLOSED = {
  kind: "status",
  status: 400,
  type: "ProvisionedThroughputExceededException",
  times: 1_000_000,
} as const;

function oldStatements(): string[] {
  const byMs = Date.now() - GOLDEN_MS;
  return golden.map((statement) => statement.replaceAll(/\b17960674\d{5}\b/g, (ms) => String(Number(ms) + byMs)));
}

function emptyStorage(sql: SqlStorage): void {
  for (const { name } of sql
    .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_cf*'")
    .toArray()) {
    sql.exec(`DROP TABLE ${name}`);
  }
}

/** A shard that starts on the storage of the previous release. */
async function oldShard(name: string): Promise<string> {
  const project = newProject(name);
  await setFaults(project, [CLOSED]);
  await runInDurableObject(shardOf(project), (_shard, { storage }) => {
    emptyStorage(storage.sql);
    for (const statement of oldStatements()) storage.sql.exec(statement);
  });
  await loseMemory();
  return project;
}

const KNOWN = [
  "run-0",
  "run-23",
  "flushed-1",
  "flushed-3",
  "loose-1",
  "loose-2",
  "waiting-1",
  "waiting-7",
  "waiting-9",
];

async function expectAllKnown(project: string): Promise<void> {
  const answer = await append(project, appendInput([...KNOWN, "new"], { oldestMs: Date.now() - 3_600_000 }));
  expect(answer).toMatchObject({ outcome: "again", duplicates: KNOWN.map((_, index) => index) });
}

async function arrivedIds(project: string): Promise<{ ids: string[]; marks: number }> {
  const lines = (await streamState(project)).arrived.flatMap((record) =>
    [...decodeFrame(bytesOf(record))].map(({ value }) => value as { ids?: string[]; redelivery?: true }),
  );
  const marks = lines.filter(({ redelivery }) => redelivery === true).length;
  return { ids: lines.flatMap(({ ids }) => ids ?? []), marks };
}

const WAITING = Array.from({ length: 9 }, (_, index) => `waiting-${index + 1}`);

describe("storage of the previous release", () => {
  it("keeps waiting rows, sent with a mark under their old keys, and every known id, also after a restart", async () => {
    const project = await oldShard("taken-over");
    await expectAllKnown(project);
    const rows = await storedRows(project);
    expect(rows.map(({ seq }) => seq)).toEqual([4, 5, 6]);
    await loseMemory();
    await expectAllKnown(project);
    // The old ledger has records, so the shard asks for the subjects of events.
    const later = appendInput(["later"]);
    later.claim.subjects = packSubjects([[legacyEntry(packIds(["anonymousId:somebody"]))]]);
    expect(await append(project, later)).toMatchObject({ outcome: "stored" });
    await setFaults(project, []);
    await runAlarm(project);
    await untilFlushed(project);
    const { ids, marks } = await arrivedIds(project);
    expect(ids.sort()).toEqual(["later", ...WAITING].sort());
    expect(marks).toBe(3);
    const keys = (await streamState(project)).arrived.map(({ partitionKey }) => partitionKey.split("/")[1]);
    expect(keys).toEqual(expect.arrayContaining(rows.map(({ boot, seq }) => `${boot}.${seq}`)));
    await loseMemory();
    await expectAllKnown(project);
  });

  it("keeps revoked keys and counts of drops", async () => {
    const project = await oldShard("revoked");
    const refused = { outcome: "refused", code: "invalid_api_key" };
    expect(await append(project, appendInput(["a"], { keyId: "revoked" }))).toEqual(refused);
    const drops = await runInDurableObject(shardOf(project), (_shard, { storage }) =>
      storage.sql.exec("SELECT reason, events FROM drops").toArray(),
    );
    expect(drops).toEqual([{ reason: "opt-in/analytics:default", events: 3 }]);
  });

  it("loses the old tables that nothing reads", async () => {
    const project = await oldShard("tables");
    const names = await runInDurableObject(shardOf(project), (_shard, { storage }) =>
      storage.sql
        .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'")
        .toArray()
        .map(({ name }) => name),
    );
    for (const gone of ["rows", "rows_in_runs", "flushed_ids"]) expect(names).not.toContain(gone);
  });
});

describe("the previous release, running again after this release", () => {
  it("writes rows that follow our rows, and all are sent", () =>
    runInDurableObject(shardOf(newProject("back-and-forth")), (_shard, { storage }) => {
      emptyStorage(storage.sql);
      migrate(storage);
      const ours = new EventStore(storage, "p:na:0");
      const data = new TextEncoder().encode('{"ids":["ours"]}\n');
      ours.write([{ ids: packIds(["ours"]), data, compressed: false, receivedAtMs: Date.now() }]);
      const isOld = /^(CREATE TABLE|INSERT INTO) (rows|rows_in_runs|flushed_ids)\b/;
      for (const statement of oldStatements().filter((text) => isOld.test(text))) storage.sql.exec(statement);
      migrate(storage);
      const store = new EventStore(storage, "p:na:0");
      const rows = store.rows.next({ rows: 10, bytes: 10_000_000, upToSeq: store.rows.lastSeq }, new Set(), null);
      const ids = rows.flatMap(({ frame }) =>
        [...decodeFrame(frame)].flatMap(({ value }) => (value as { ids: string[] }).ids),
      );
      expect(ids).toEqual(["ours", ...WAITING]);
      expect(store.known(packIds(["ours", "waiting-9", "loose-1", "x"]), 0)).toEqual([0, 1, 2]);
      store.markSent(rows);
      expect(new EventStore(storage, "p:na:0").rows.count).toBe(0);
    }));
});

describe("storage of a later release", () => {
  it("is not touched", () =>
    runInDurableObject(shardOf(newProject("future")), (_shard, { storage }) => {
      migrate(storage);
      storage.sql.exec("UPDATE schema_version SET version = 99");
      expect(() => migrate(storage)).toThrow("later release");
      expect(storage.sql.exec("SELECT version FROM schema_version").one().version).toBe(99);
    }));
});
