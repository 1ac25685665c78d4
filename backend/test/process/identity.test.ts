// Tests which surrogates are one person: the edges between surrogates, written by the processor to a real table.

import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { dynamodbClient } from "../../src/aws.ts";
import { processRecords } from "../../src/process/pipeline.ts";
import { IdentityEdges, subjectLookup } from "../../src/vault/index.ts";
import { type Emulated, HMAC_KEY, startEmulated } from "./emulators.ts";
import { batchLine, frame, type Sent, track } from "./sample.ts";

// The timeouts only end tests that hang. The emulators share two cores with other work.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 60_000 });

let emulated: Emulated;
let edges: IdentityEdges;
let lookup: ReturnType<typeof subjectLookup>;
beforeAll(async () => {
  emulated = await startEmulated();
  const dynamodb = dynamodbClient(emulated.config);
  edges = new IdentityEdges(dynamodb);
  lookup = subjectLookup(dynamodb, HMAC_KEY);
});
afterAll(async () => {
  await emulated.stop();
});

let number = 0;
const newProject = () => `people-${number++}`;

/** One invocation in a new process, without any memory. */
async function processed(project: string, events: Sent[], changes: object = {}): Promise<void> {
  const record = {
    rawShard: `us-east-1.000000000000.behaviour-raw.shardId-${project}`,
    sequenceNumber: String(10n ** 55n + BigInt(number++)),
    partitionKey: `k/${number}`,
    arrivedAtMs: Date.now(),
    readAtMs: Date.now(),
    frame: frame([batchLine(events, { project, ...changes })]),
  };
  const { counts } = await processRecords(emulated.freshParts(), [record], () => 60_000);
  expect(counts.processed).toBe(events.length);
}

const seen = (anonymousId: string, userId?: string): Sent =>
  track(`m-${number++}`, { anonymousId, ...(userId === undefined ? {} : { userId }) });
const alias = (previousId: string, userId: string): Sent => ({
  type: "alias",
  messageId: `m-${number++}`,
  previousId,
  userId,
});

/** Sent with a secret key. */
const SECRET = { secret: true };

const userOf = (project: string, userId: string) => lookup(project, { userId });
const deviceOf = async (project: string, anonymousId: string) =>
  (await lookup(project, { anonymousId })).anonymousSubject ?? "";

describe("a device with a surrogate of its own", () => {
  it("is joined to the user by one edge, for any repetition or grouping of the events", async () => {
    const project = newProject();
    const events = [seen("laptop", "jane"), seen("phone"), seen("phone", "jane"), seen("phone", "jane")];
    await processed(project, events);
    await processed(project, events);
    await processed(project, events.slice(2));
    const jane = await userOf(project, "jane");
    const phone = await deviceOf(project, "phone");
    expect(await edges.of(project, phone)).toEqual([
      { project, kind: "identify", from: phone, to: jane.subject, vouchedBy: null },
    ]);
    expect(await edges.of(project, jane.subject ?? "")).toEqual(await edges.of(project, phone));
    expect(jane.person).toEqual([jane.subject, phone]);
  });

  it("needs no edge if the user inherited its surrogate", async () => {
    const project = newProject();
    await processed(project, [seen("laptop"), seen("laptop", "jane")]);
    const jane = await userOf(project, "jane");
    expect(jane.person).toEqual([await deviceOf(project, "laptop")]);
    expect(await edges.of(project, jane.subject ?? "")).toEqual([]);
  });
});

describe("a shared device", () => {
  it("joins two people in no order of events", async () => {
    for (const known of [true, false]) {
      const project = newProject();
      if (known) await processed(project, [seen("a", "jane"), seen("b", "john")]);
      await processed(project, [seen("kiosk"), seen("kiosk", "jane"), seen("kiosk", "john"), seen("kiosk", "jane")]);
      const [jane, john] = [await userOf(project, "jane"), await userOf(project, "john")];
      const kiosk = await deviceOf(project, "kiosk");
      expect(jane.person).toContain(kiosk);
      expect(john.person).toEqual([john.subject]);
      expect(jane.person).not.toContain(john.subject);
    }
  });

  it("is not joined to a second user by an alias", async () => {
    const project = newProject();
    await processed(project, [seen("kiosk"), seen("a", "jane"), seen("kiosk", "jane"), seen("b", "john")]);
    await processed(project, [alias("kiosk", "john")], SECRET);
    expect((await userOf(project, "john")).person).toHaveLength(1);
    expect((await userOf(project, "jane")).person).toHaveLength(2);
  });
});

describe("an alias", () => {
  it("of a secret key joins two users, a device, and an id nobody has used yet, once", async () => {
    const project = newProject();
    await processed(project, [seen("a", "old"), seen("b", "new"), seen("tablet")]);
    for (let time = 0; time < 2; time++)
      await processed(project, [alias("old", "new"), alias("tablet", "new"), alias("ghost", "new")], SECRET);
    const { subject, person } = await userOf(project, "new");
    const old = (await userOf(project, "old")).subject;
    expect(person).toHaveLength(4);
    expect(person).toEqual(expect.arrayContaining([subject, old, await deviceOf(project, "tablet")]));
    expect((await edges.of(project, subject ?? "")).map(({ kind }) => kind)).toEqual(["alias", "alias", "alias"]);
    // If another user claims the device, it stays with the first user.
    await processed(project, [seen("c", "third"), alias("tablet", "third")], SECRET);
    expect((await userOf(project, "third")).person).toHaveLength(1);
  });

  it.each(["null", "guest", "00000000-0000-0000-0000-000000000000"])(
    "with the placeholder %s joins no users",
    async (id) => {
      const project = newProject();
      await processed(project, [seen("a", "jane"), alias(id, "jane"), alias("jane", id)], SECRET);
      expect((await userOf(project, "jane")).person).toHaveLength(1);
    },
  );
});

describe("a public key, which every visitor knows", () => {
  const victim = "victim-17";

  it.each([
    ["an alias", { type: "alias", userId: "attacker", previousId: victim }],
    ["an alias on a device of its own", { type: "alias", userId: "attacker", previousId: victim, anonymousId: "mine" }],
    [
      "an alias on a device of the victim's name",
      { type: "alias", userId: "attacker", previousId: victim, anonymousId: victim },
    ],
    ["a track event with a former id", { ...seen("mine", "attacker"), previousId: victim }],
  ])("joins nobody to another user by %s", async (_name, sent) => {
    const project = newProject();
    await processed(project, [seen("home", victim), seen("mine", "attacker")]);
    await processed(project, [{ ...sent, messageId: `m-${number++}` }]);
    const [attacked, attacker] = [await userOf(project, victim), await userOf(project, "attacker")];
    expect(attacked.person).not.toContain(attacker.subject);
    expect(attacker.person).not.toContain(attacked.subject);
    expect(attacker.person).not.toContain(await deviceOf(project, "home"));
  });

  it("cannot take over a device by a former id", async () => {
    const project = newProject();
    await processed(project, [seen("tablet"), seen("mine", "attacker"), alias("tablet", "attacker")]);
    await processed(project, [seen("tablet", "owner")]);
    expect((await userOf(project, "attacker")).person).toHaveLength(1);
    expect((await userOf(project, "owner")).person).toContain(await deviceOf(project, "tablet"));
  });

  it("joins the device that the event comes from", async () => {
    const project = newProject();
    await processed(project, [seen("laptop", "jane"), seen("phone")]);
    await processed(project, [{ ...alias("phone", "jane"), anonymousId: "phone" }]);
    expect((await userOf(project, "jane")).person).toContain(await deviceOf(project, "phone"));
  });

  it("states an edge that a secret key can vouch for later", async () => {
    const project = newProject();
    const events = [seen("laptop", "jane"), seen("phone"), seen("phone", "jane")];
    const vouchedBy = async () =>
      (await edges.of(project, await deviceOf(project, "phone"))).map((edge) => edge.vouchedBy);
    await processed(project, events);
    expect(await vouchedBy()).toEqual([null]);
    await processed(project, events, SECRET);
    expect(await vouchedBy()).toEqual(["key_1"]);
    await processed(project, events);
    await processed(project, events, { ...SECRET, keyId: "key_2" });
    expect(await vouchedBy()).toEqual(["key_1"]);
  });
});

describe("what is not kept", () => {
  it.each([
    ["without consent", { consent: "cookieless" }],
    ["if the project turned identity off", { settings: { off: ["identity"] } }],
  ])("include no edge %s", async (_name, changes) => {
    const project = newProject();
    await processed(project, [seen("a", "jane"), seen("phone"), seen("phone", "jane"), alias("x", "jane")], changes);
    expect((await userOf(project, "jane")).person).toHaveLength(1);
  });

  it("never contain a client's id", async () => {
    const project = newProject();
    await processed(project, [seen("a", "canary-user"), seen("canary-device"), seen("canary-device", "canary-user")]);
    expect(JSON.stringify(await emulated.vaultItems())).not.toContain("canary");
  });
});

describe("an erasure", () => {
  it("deletes every edge of the surrogate at both ends, also when repeated, and keeps other edges", async () => {
    const project = newProject();
    await processed(project, [seen("a", "jane"), seen("phone"), seen("phone", "jane"), alias("old", "jane")], SECRET);
    const { subject } = await userOf(project, "jane");
    const phone = await deviceOf(project, "phone");
    expect(await edges.erase(project, phone)).toBe(1);
    expect(await edges.of(project, phone)).toEqual([]);
    expect(await edges.of(project, subject ?? "")).toHaveLength(1);
    expect(await edges.erase(project, subject ?? "")).toBe(1);
    expect(await edges.erase(project, subject ?? "")).toBe(0);
  });
});
