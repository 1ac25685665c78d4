// Tests replays with faults on real parts: a crash between any two steps, a message that arrived another way, an unreachable
// store, and a large replay in parts. The tests count the events that the tiers hold.

import { randomUUID } from "node:crypto";
import { ENVELOPE_VERSION, type EnrichedEvent, encodeMember, FAILURES, type FailedEvent } from "@behaviour/contract";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { OriginalSeal } from "../../src/failed/index.ts";
import { type ReplayCursor, Replayer, type ReplayParts, type ReplayRequest } from "../../src/replay/replayer.ts";
import { batchLine, frame, track } from "../process/sample.ts";
import { enrichedEvent } from "../tiers/events.ts";
import { type Backend, startBackend, until } from "./pipeline.ts";

// The timeout only ends tests that hang. The parts share two cores with other work.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const DAY_MS = 86_400_000;

let backend: Backend;
beforeAll(async () => {
  backend = await startBackend();
});
afterAll(() => backend?.stop());

const REFUSING = {
  mode: "quarantine",
  events: [{ event: "Refused", schema: { type: "object", required: ["never"], properties: {} } }],
};
const OFF = { mode: "off", events: [] };

async function pushPlan(project: string, plan: object): Promise<void> {
  const { status, body } = await backend.ask(project, "PUT", "/v1/admin/tracking-plan", plan);
  expect(status, JSON.stringify(body)).toBe(200);
}

/** Makes a project whose plan refuses these messages, and waits until they are failed events. */
async function refused(ids: readonly string[], receivedAtMs = Date.now()): Promise<string> {
  const project = `p_${randomUUID().slice(0, 8)}`;
  await backend.makeProject(project);
  await pushPlan(project, REFUSING);
  const events = ids.map((id) => track(id, { event: "Refused", timestamp: new Date(receivedAtMs).toISOString() }));
  await backend.send([
    frame([batchLine(events, { project, receivedAtMs }, { sentAt: new Date(receivedAtMs).toISOString() })]),
  ]);
  const found = await until(
    () => backend.failures(project),
    (failures) => failures.length >= ids.length,
  );
  expect(found.map(({ messageId }) => `${messageId}`).toSorted()).toEqual(ids.toSorted());
  return project;
}

function requestFor(project: string, changes: Partial<ReplayRequest> = {}): ReplayRequest {
  return { project, fromMs: Date.now() - 40 * DAY_MS, toMs: Date.now() + DAY_MS, ...changes };
}

const replay = (project: string, parts: Partial<ReplayParts> = {}, changes: Partial<ReplayRequest> = {}) =>
  new Replayer({ ...backend.replayParts, ...parts }).run(requestFor(project, changes), null, () => true);

/** Waits until the tiers hold the messages, and then until every record put before has come through too. */
async function expectOnce(project: string, ids: readonly string[], hot = ids.length): Promise<void> {
  const wanted = ids.toSorted();
  await until(
    () => backend.tiers(project),
    (tiers) => tiers.hot >= hot && tiers.warm.length >= ids.length && tiers.cold.length >= ids.length,
  );
  const marker = `m_${randomUUID().slice(0, 8)}`;
  const markers = Array.from({ length: 12 }, (_, index) =>
    frame([batchLine([track(`${marker}-${index}`)], { project: marker })]),
  );
  // Many records reach both shards; each shard is processed in order.
  await backend.send(markers);
  await until(
    () => backend.tiers(marker),
    (tiers) => Math.min(tiers.hot, tiers.warm.length, tiers.cold.length) >= markers.length,
  );
  expect(await backend.tiers(project)).toEqual({ hot, warm: wanted, cold: wanted });
}

describe("a replay", () => {
  it("that crashes after its originals are on the stream is repeated, and counts each event once", async () => {
    const ids = ["a", "b", "c"];
    const project = await refused(ids);
    await pushPlan(project, OFF);
    const { claims } = backend.replayParts;
    const dying = {
      read: claims.read.bind(claims),
      mark: (names: readonly unknown[]) =>
        names.length === 0 ? Promise.resolve() : Promise.reject(new Error("the process died")),
    };
    await expect(replay(project, { claims: dying })).rejects.toThrow("died");
    await expect(replay(project, { claims: dying })).rejects.toThrow("died");
    // The records of those two replays may have come through by now: they claim the events as they pass.
    const { counts } = await replay(project);
    expect(counts.replayed + counts.alreadyReplayed).toBe(3);
    await expectOnce(project, ids);
  });

  it("processes originals once that are put again, even when no tier knows their messages", async () => {
    // The events are four days old: the hot and cold tiers no longer know their messages, and the hot tier does not count them.
    const ids = ["old-1", "old-2"];
    const old = await refused(ids, Date.now() - 4 * DAY_MS);
    await pushPlan(old, OFF);
    expect((await replay(old)).counts.replayed).toBe(2);
    await expectOnce(old, ids, 0);
    const originals = [];
    for await (const { failures } of backend.replayParts.failedEvents.objects(requestFor(old), null)) {
      for (const { event, sealed } of failures) {
        const line = backend.replayParts.seal.open(sealed ?? new Uint8Array(), { project: old, id: event.id });
        originals.push({ project: old, id: event.id, line: line ?? "" });
      }
    }
    expect(originals.map(({ line }) => String(JSON.parse(line).body.batch[0].messageId)).toSorted()).toEqual(ids);
    const before = backend.counts.redelivered;
    await backend.replayParts.raw.put([...originals, ...originals]);
    await expectOnce(old, ids, 0);
    // The processor stopped all four, so this does not depend on the tiers' memory.
    expect(backend.counts.redelivered - before).toBe(4);
  });

  it("skips events that arrived another way", async () => {
    const project = await refused(["twice", "once"], Date.now() - 3 * DAY_MS);
    await pushPlan(project, OFF);
    // The client sends it again after the plan is corrected.
    await backend.send([frame([batchLine([track("twice", { event: "Refused" })], { project, retry: true })])]);
    await until(
      () => backend.tiers(project),
      ({ warm, cold }) => warm.length + cold.length >= 2,
    );
    const { counts } = await replay(project);
    expect(counts).toEqual({ examined: 2, replayed: 1, alreadyReplayed: 0, arrived: 1, notReplayable: 0 });
    await expectOnce(project, ["once", "twice"], 1);
    const { body } = await backend.ask(project, "GET", `/v1/failed-events?from=${Date.now() - 5 * DAY_MS}`);
    const outcomes = body.data.map(({ messageId, replay: done }: any) => [messageId, done.outcome]);
    expect(Object.fromEntries(outcomes)).toEqual({ twice: "arrived", once: "replayed" });
  });

  it("is split into parts by time, and continues where it stopped", async () => {
    const project = `p_${randomUUID().slice(0, 8)}`;
    await backend.makeProject(project);
    await pushPlan(project, REFUSING);
    const ids = Array.from({ length: 30 }, (_, index) => `part-${String(index).padStart(2, "0")}`);
    const records = ids.map((id) => frame([batchLine([track(id, { event: "Refused" })], { project })]));
    await backend.send(records);
    await until(
      () => backend.failures(project),
      (failures) => failures.length === ids.length,
    );
    await pushPlan(project, OFF);
    const replayer = new Replayer(backend.replayParts);
    const request = requestFor(project);
    let cursor: ReplayCursor | null = null;
    let parts = 0;
    let replayed = 0;
    do {
      const progress = await replayer.run(request, cursor, () => false);
      replayed += progress.counts.replayed;
      cursor = progress.next;
      parts++;
    } while (cursor !== null && parts < 100);
    expect([replayed, parts > 20 && parts < 100]).toEqual([ids.length, true]);
    await expectOnce(project, ids);
  });

  it("over HTTP refuses invalid parameters, and reads no events by a cursor or ids of another project", async () => {
    const project = await refused(["x"]);
    const post = (body: unknown) => backend.ask(project, "POST", "/v1/failed-events/replay", body);
    expect((await post({ cursor: "e30" })).body).toMatchObject({ code: "invalid_parameter", pointer: "/cursor" });
    expect((await post({ cursor: "%%%" })).body.code).toBe("invalid_parameter");
    expect((await post({ code: "no_such_code" })).body.pointer).toBe("/code");
    expect((await post({ ids: [] })).status).toBe(400);
    expect((await post({ unknown: 1 })).body.pointer).toBe("/unknown");
    // A cursor or ids of another project give no access to its events.
    const foreign = Buffer.from(
      JSON.stringify({ key: "project=p_x/", beforeMs: Date.now() + DAY_MS, fromMs: 0, toMs: Date.now() + DAY_MS }),
    );
    const [failure] = await backend.failures(project);
    const other = await refused(["y"]);
    const asked = await backend.ask(other, "POST", "/v1/failed-events/replay", {
      ids: [failure?.id],
      cursor: foreign.toString("base64url"),
    });
    expect(asked.body.data).toMatchObject({ examined: 0, replayed: 0 });
  });

  it("reports a store that is down without waiting, and succeeds when repeated later", async () => {
    const project = await refused(["later"]);
    await pushPlan(project, OFF);
    const down = () => Promise.reject(new Error("Kinesis does not answer"));
    await expect(replay(project, { raw: { put: down } })).rejects.toThrow("does not answer");
    await expect(replay(project, { arrived: down })).rejects.toThrow("does not answer");
    expect((await replay(project)).counts.replayed).toBe(1);
    await expectOnce(project, ["later"]);
  });

  it("counts originals that it cannot open", async () => {
    const project = await refused(["sealed"]);
    const other = new OriginalSeal("the secret of another installation altogether");
    expect((await replay(project, { seal: other })).counts).toMatchObject({
      examined: 1,
      replayed: 0,
      notReplayable: 1,
    });
    // The event was not marked, so that a replay with the right key still works.
    await pushPlan(project, OFF);
    expect((await replay(project)).counts.replayed).toBe(1);
    await expectOnce(project, ["sealed"]);
  });

  it("of unreadable lines sends them to the processor again", async () => {
    const project = `p_${randomUUID().slice(0, 8)}`;
    const line = batchLine([track("was-from-tomorrow")], { project });
    // An older processor could not read this line, and the present one can.
    const failure = { ...failedEvent(project, "unreadable_envelope", { stage: "process" }), original: line };
    await backend.failedEvents.store([failure], `test-${project}`);
    expect((await replay(project)).counts.replayed).toBe(1);
    await expectOnce(project, ["was-from-tomorrow"]);
  });

  it("that was forged on the stream claims no event of another project", async () => {
    const project = await refused(["real"]);
    const [failure] = await backend.failures(project);
    await pushPlan(project, OFF);
    const mark = JSON.stringify({ v: ENVELOPE_VERSION, replay: { project: "p_other", id: failure?.id } });
    await backend.send([encodeMember([batchLine([track("other")], { project: "p_other" }), mark])]);
    expect((await replay(project)).counts.replayed).toBe(1);
    await expectOnce(project, ["real"]);
  });
});

function failedEvent(project: string, code: FailedEvent["code"], changes: Partial<FailedEvent> = {}): FailedEvent {
  const nowMs = Date.now() - 1_000;
  return {
    id: `${project}-${randomUUID()}`,
    project,
    messageId: null,
    code,
    message: FAILURES[code],
    pointer: null,
    stage: "warm",
    failedAtMs: nowMs,
    receivedAtMs: nowMs,
    payload: "{}",
    payloadCut: false,
    ...changes,
  };
}

describe("an event that only the warm tier refused", () => {
  const unstorable = (event: EnrichedEvent): FailedEvent =>
    failedEvent(event.project, "unstorable", { messageId: event.messageId, payload: JSON.stringify(event) });

  it("is replayed into that tier only, and once", async () => {
    const project = `p_${randomUUID().slice(0, 8)}`;
    const event = enrichedEvent({ project, rawShard: "shardId-old", messageId: "late" });
    await backend.failedEvents.store([unstorable(event)], `test-${project}`);
    expect((await replay(project)).counts).toMatchObject({ replayed: 1, notReplayable: 0 });
    expect((await replay(project)).counts).toMatchObject({ alreadyReplayed: 1 });
    expect(await backend.tiers(project)).toEqual({ hot: 0, warm: ["late"], cold: [] });
    const left = await backend.sql`select raw_shard from tier_checkpoint where raw_shard like 'replay-%'`;
    expect(left).toHaveLength(0);
  });

  it("stays a failed event while that tier still refuses it", async () => {
    const project = `p_${randomUUID().slice(0, 8)}`;
    const good = enrichedEvent({ project, rawShard: "shardId-old", messageId: "mended" });
    const bad = enrichedEvent({ project, rawShard: "shardId-old", messageId: "bad", path: "NUL \0 still" });
    await backend.failedEvents.store([unstorable(good), unstorable(bad)], `test-${project}`);
    expect((await replay(project)).counts).toMatchObject({ examined: 2, replayed: 1, notReplayable: 1 });
    expect((await backend.tiers(project)).warm).toEqual(["mended"]);
    expect(await backend.failures(project)).toHaveLength(2);
  });
});

describe("an original", () => {
  const seal = new OriginalSeal("a secret of more than thirty-two characters");
  const of = { project: "p", id: "f1" };

  it("can only be opened with its secret, for its own event, and unchanged", () => {
    const sealed = seal.seal("the line", of);
    expect(seal.open(sealed, of)).toBe("the line");
    expect(new OriginalSeal("a secret of more than thirty-two characters").open(sealed, of)).toBe("the line");
    expect(seal.open(sealed, { ...of, id: "f2" })).toBeNull();
    expect(seal.open(sealed, { ...of, project: "q" })).toBeNull();
    expect(new OriginalSeal("another secret of thirty-two characters").open(sealed, of)).toBeNull();
    for (let at = 0; at < sealed.length; at++) {
      const changed = Uint8Array.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(seal.open(changed, of)).toBeNull();
    }
    expect(seal.open(sealed.subarray(0, 10), of)).toBeNull();
  });

  it("is stored encrypted", () => {
    const line = batchLine([track("m", { userId: "ada@mail.example" })], { project: "p" });
    expect(Buffer.from(seal.seal(line, of)).toString("latin1")).not.toContain("ada");
  });
});
