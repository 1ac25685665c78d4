// Tests the upgrade from the previous release, which kept consent in each shard under the MurmurHash of `kind:id`. Its records
// apply in this release from a shard's first judgement on. Its Workers still run for minutes; their events are judged, and they
// never receive a confirmation of a write that did not happen. Remove this file in the next release.

import { createExecutionContext, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { packIds } from "@behaviour/contract";
import { afterEach, describe, expect, it, vi } from "vitest";
import { outcomeCode } from "../../src/consent/table.ts";
import { ConsentLedger } from "../../src/ledger/home.ts";
import { directoryOf } from "../../src/placement/directories.ts";
import type { AppendAnswer, AppendInput } from "../../src/shard/append.ts";
import { BufferShard } from "../../src/shard/shard.ts";
import worker from "../../src/worker.ts";
import { bearer, goodEvent, ORIGIN, send } from "../client.ts";
import * as previous from "../golden/previous-append-call.ts";
import shardStorage from "../golden/shard-storage-1.json";
import { newKey, newProject } from "../keys.ts";
import { appendInput, loseMemory, shardOf } from "../shard/stub.ts";
import { collidingId } from "./murmur.ts";
import { homeAt } from "./objects.ts";

afterEach(() => vi.restoreAllMocks());

const CONSENT_TABLE = shardStorage.filter((statement) => /^CREATE \w+ consent_records/.test(statement));

interface OldRecord {
  id: string;
  analytics?: string;
  advertising?: string;
  occurredAtMs?: number;
  recordedAtMs?: number;
}

/** Gives a shard the table of that release, then restarts it. */
async function oldShard(project: string, records: readonly OldRecord[], region = "na", index = 0): Promise<void> {
  const stub = env.SHARD.get(env.SHARD.idFromName(`${project}:${region}:${index}`));
  await runInDurableObject(stub, (_shard: BufferShard, state) => {
    for (const statement of CONSENT_TABLE) state.storage.sql.exec(statement);
    for (const [place, record] of records.entries()) {
      state.storage.sql.exec(
        `INSERT INTO consent_records
           (id, record, recorded_at_ms, occurred_at_ms, analytics, advertising, method, notice_version)
         VALUES (?, ?, ?, ?, ?, ?, 'banner', '1')`,
        packIds([record.id]),
        `old-${place}`,
        record.recordedAtMs ?? 1_764_500_000_000,
        record.occurredAtMs ?? 1_764_500_000_000,
        record.analytics ?? null,
        record.advertising ?? null,
      );
    }
  });
  await loseMemory();
}

async function track(key: string, ids: Record<string, unknown>, continent = "NA") {
  const request = new Request(`${ORIGIN}/v1/track`, {
    method: "POST",
    headers: bearer(key),
    body: JSON.stringify(goodEvent(ids)),
    cf: { continent, country: "US" } as unknown as CfProperties,
  });
  return (await worker.fetch(request, env, createExecutionContext())).json<Record<string, unknown>>();
}

async function say(key: string, body: object) {
  return send("/v1/consent", { body: { method: "banner", ...body }, headers: bearer(key) });
}

const GRANT = { analytics: "granted", advertising: "granted" };

describe("records of the release before", () => {
  it("bind the shard's first event, and those of other regions and other numbers of shards", async () => {
    const project = newProject("export");
    await oldShard(project, [
      { id: "anonymousId:v", analytics: "denied" },
      { id: "userId:u", analytics: "denied" },
    ]);
    const key = await newKey({ project });
    expect(await track(key, { anonymousId: "v" })).toMatchObject({ accepted: 0, suppressed: 1 });
    const more = await newKey({ project, shards: 4 });
    for (const continent of ["NA", "EU"]) {
      for (const k of [key, more]) {
        expect(await track(k, { anonymousId: "v" }, continent)).toMatchObject({ accepted: 0, suppressed: 1 });
        expect(await track(k, { anonymousId: "d", userId: "u" }, continent)).toMatchObject({ suppressed: 1 });
        expect(await track(k, { anonymousId: "d" }, continent)).toMatchObject({ accepted: 1 });
      }
    }
  });

  it("bind shards that judged before another one exported", async () => {
    const project = newProject("late-export");
    const key = await newKey({ project });
    expect(await track(key, { anonymousId: "v" }, "EU")).toMatchObject({ accepted: 1 });
    await oldShard(project, [{ id: "anonymousId:v", analytics: "denied" }]);
    expect(await track(key, { anonymousId: "x" }, "NA")).toMatchObject({ accepted: 1 });
    expect(await track(key, { anonymousId: "v" }, "EU")).toMatchObject({ accepted: 0, suppressed: 1 });
  });

  it("bind although the shard that has them never sees an event again", async () => {
    const project = newProject("collected");
    await oldShard(project, [{ id: "anonymousId:v", analytics: "denied" }], "na", 0);
    await directoryOf(env, project).registerShard(`${project}:na:0`, []);
    const key = await newKey({ project, shards: 256 });
    expect(await track(key, { anonymousId: "somebody" }, "EU")).toMatchObject({ accepted: 1 });
    expect(await runDurableObjectAlarm(homeAt(project, 0))).toBe(true);
    expect(await track(key, { anonymousId: "v" }, "EU")).toMatchObject({ accepted: 0, suppressed: 1 });
  });

  it("give way to a later grant, and not to an earlier one", async () => {
    const project = newProject("later");
    await oldShard(project, [{ id: "anonymousId:v", analytics: "denied" }]);
    const key = await newKey({ project });
    expect(await track(key, { anonymousId: "v" })).toMatchObject({ suppressed: 1 });
    await say(key, { anonymousId: "v", purposes: GRANT, occurredAt: "2020-01-01T00:00:00Z" });
    expect(await track(key, { anonymousId: "v" })).toMatchObject({ suppressed: 1 });
    await say(key, { anonymousId: "v", purposes: GRANT });
    expect(await track(key, { anonymousId: "v" })).toMatchObject({ accepted: 1 });
    await say(key, { anonymousId: "v", purposes: { analytics: "denied" } });
    expect(await track(key, { anonymousId: "v" })).toMatchObject({ suppressed: 1 });
  });

  it("can't be loosened by an id that collides", async () => {
    const project = newProject("old-collision");
    await oldShard(project, [{ id: "userId:jane-4711", analytics: "denied" }]);
    const key = await newKey({ project });
    expect(await track(key, { userId: "jane-4711" })).toMatchObject({ suppressed: 1 });
    const device = collidingId("userId:jane-4711", "anonymousId:");
    expect((await say(key, { anonymousId: device, purposes: GRANT })).status).toBe(200);
    expect(await track(key, { userId: "jane-4711" })).toMatchObject({ suppressed: 1 });
  });

  it("are read: the state, and with a secret key the history", async () => {
    const project = newProject("old-history");
    await oldShard(project, [
      { id: "userId:u", analytics: "granted", recordedAtMs: 1_764_400_000_000, occurredAtMs: 1_764_400_000_000 },
      { id: "userId:u", analytics: "denied" },
    ]);
    const key = await newKey({ project });
    await track(key, { anonymousId: "d" });
    const secret = await newKey({ project, kind: "secret" });
    await say(secret, { userId: "u", purposes: { advertising: "denied" } });
    const { data } = (await send("/v1/consent?userId=u", { headers: bearer(secret) })).body;
    expect(data).toMatchObject({
      purposes: { analytics: "denied", advertising: "denied" },
      history: [
        { purposes: { analytics: "granted" } },
        { purposes: { analytics: "denied" } },
        { purposes: { advertising: "denied" } },
      ],
    });
  });

  it("that could not be handed over keep events out, and go on where it was broken off", async () => {
    const project = newProject("cut-export");
    const many = Array.from({ length: 2_500 }, (_, index) => ({ id: `anonymousId:v-${index}`, analytics: "denied" }));
    await oldShard(project, many);
    const key = await newKey({ project });
    vi.spyOn(console, "error").mockImplementation(() => {});
    const { importLegacy } = ConsentLedger.prototype;
    let calls = 0;
    const cut = vi.spyOn(ConsentLedger.prototype, "importLegacy").mockImplementation(async function (
      this: ConsentLedger,
      records,
    ) {
      if (++calls > 20) throw new Error("cut");
      return importLegacy.call(this, records);
    });
    expect(await track(key, { anonymousId: "v-2499" })).toMatchObject({ code: "unavailable" });
    cut.mockRestore();
    await loseMemory();
    for (const id of ["v-0", "v-1200", "v-2499"]) {
      expect(await track(key, { anonymousId: id })).toMatchObject({ accepted: 0, suppressed: 1 });
    }
  });
});

/** One event of a Worker of that release, packed as accepted. It is dropped if the ledger denies analytics. */
function oldEvent(messageId: string, ids: { anonymousId?: string; userId?: string } | null): AppendInput {
  const input = appendInput([messageId]);
  const accept = outcomeCode("accept");
  const tables = new Uint8Array(9).fill(accept);
  tables.fill(outcomeCode("drop"), 6);
  const subjects = new Uint8Array(16);
  if (ids?.anonymousId !== undefined) subjects.set(packIds([`anonymousId:${ids.anonymousId}`]));
  if (ids?.userId !== undefined) subjects.set(packIds([`userId:${ids.userId}`]), 8);
  const claim = { ...input.claim, tables, subjects: ids === null ? null : subjects };
  return { ...input, claim };
}

describe("a Worker of the release before", () => {
  async function appendOld(project: string, input: AppendInput): Promise<AppendAnswer> {
    return (await shardOf(project).append(previous.packAppends([input])))[0] as AppendAnswer;
  }

  it("is asked for its ids once there is a ledger, and judged by refusals made in this release", async () => {
    const project = newProject("old-worker-judged");
    const key = await newKey({ project });
    const secret = await newKey({ project, kind: "secret" });
    expect(await appendOld(project, oldEvent("m-0", null))).toMatchObject({ outcome: "stored" });
    await say(key, { anonymousId: "v", purposes: { analytics: "denied" } });
    await say(secret, { userId: "u", purposes: { analytics: "denied" } });
    expect(await appendOld(project, oldEvent("m-1", null))).toMatchObject({ outcome: "again", needsSubjects: true });
    for (const ids of [{ anonymousId: "v" }, { anonymousId: "d", userId: "u" }]) {
      const answer = await appendOld(project, oldEvent("m-2", ids));
      expect(answer).toMatchObject({ outcome: "again", changes: [{ index: 0 }], needsSubjects: false });
    }
    expect(await appendOld(project, oldEvent("m-3", { anonymousId: "d" }))).toMatchObject({ outcome: "stored" });
  });

  it("is told that consent was not recorded, and not read: its client tries again", async () => {
    const told = await runInDurableObject(shardOf(newProject("old-write")), async (shard: BufferShard) => [
      await shard.recordConsent().then(() => "recorded", String),
      await shard.consentHistory().then(() => "read", String),
    ]);
    expect(told.join()).not.toMatch(/^recorded|,read$/);
  });

  it("that wrote to a shard of its own release is not forgotten: no refusal is answered before that shard is known to be new", async () => {
    const project = newProject("old-shard");
    const key = await newKey({ project });
    // The shard is registered, like every shard with traffic, but its release never asked the ledger.
    await directoryOf(env, project).registerShard(`${project}:oc:0`, []);
    vi.spyOn(console, "error").mockImplementation(() => {});
    const { ledgerInUse } = BufferShard.prototype;
    const spy = vi.spyOn(BufferShard.prototype, "ledgerInUse").mockImplementation(async function (
      this: BufferShard,
      use,
    ) {
      const { name } = (this as unknown as { ctx: DurableObjectState }).ctx.id;
      if (name === `${project}:oc:0`) throw new TypeError("The RPC receiver does not implement ledgerInUse");
      return ledgerInUse.call(this, use);
    });
    const refusal = { anonymousId: "v", purposes: { analytics: "denied" } };
    expect(await say(key, refusal)).toMatchObject({ status: 503, body: { code: "unavailable" } });
    expect(await track(key, { anonymousId: "v" })).toMatchObject({ suppressed: 1 });
    spy.mockRestore();
    expect((await say(key, refusal)).status).toBe(200);
    expect(await track(key, { anonymousId: "v" }, "OC")).toMatchObject({ suppressed: 1 });
  });
});
