// Tests which identities are one person: the vault on a real table, with several processes at once (E10).

import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { dynamodbClient } from "../../src/aws.ts";
import { type EventIds, type Subjects, subjectLookup, Vault } from "../../src/vault/index.ts";
import { type Emulated, HMAC_KEY, startEmulated } from "../process/emulators.ts";

// The timeout only ends tests that hang. The emulators share two cores with other work.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 60_000 });

let emulated: Emulated;
let freshVault: () => Vault;
beforeAll(async () => {
  emulated = await startEmulated();
  freshVault = () => new Vault(dynamodbClient(emulated.config), HMAC_KEY);
});
afterAll(async () => {
  await emulated.stop();
});

let projects = 0;
const named = (project: string, ids: Partial<EventIds>): EventIds => ({
  project,
  userId: null,
  anonymousId: null,
  groupId: null,
  previousId: null,
  vouchedBy: null,
  ...ids,
});
const newProject = () => `project-${projects++}`;
const HEX = /^[0-9a-f]{32}$/;

async function one(vault: Vault, ids: EventIds): Promise<Subjects> {
  const [subjects] = await vault.resolve([ids]);
  if (subjects === undefined) throw new Error("no answer");
  return subjects;
}

describe("a person", () => {
  it("keeps one surrogate in every process, and has a different surrogate in another project", async () => {
    const [a, b] = [newProject(), newProject()];
    const first = await one(freshVault(), named(a, { anonymousId: "device" }));
    expect(first.subject).toMatch(HEX);
    expect(first.anonymousSubject).toBe(first.subject);
    expect(await one(freshVault(), named(a, { anonymousId: "device" }))).toEqual(first);
    expect((await one(freshVault(), named(b, { anonymousId: "device" }))).subject).not.toBe(first.subject);
  });

  it("keeps the same surrogate at the first sign-in", async () => {
    const project = newProject();
    const before = await one(freshVault(), named(project, { anonymousId: "device" }));
    const after = await one(freshVault(), named(project, { anonymousId: "device", userId: "jane" }));
    expect(after.subject).toBe(before.subject);
    const elsewhere = await one(freshVault(), named(project, { userId: "jane" }));
    expect(elsewhere.subject).toBe(before.subject);
  });

  it("keeps its own surrogate on a second device", async () => {
    const project = newProject();
    const jane = await one(freshVault(), named(project, { anonymousId: "laptop", userId: "jane" }));
    const phone = await one(freshVault(), named(project, { anonymousId: "phone" }));
    const onPhone = await one(freshVault(), named(project, { anonymousId: "phone", userId: "jane" }));
    expect(onPhone.subject).toBe(jane.subject);
    expect(onPhone.anonymousSubject).toBe(phone.subject);
    expect(phone.subject).not.toBe(jane.subject);
  });

  it("is not merged with the next person at a shared device", async () => {
    const project = newProject();
    const vault = freshVault();
    await one(vault, named(project, { anonymousId: "kiosk" }));
    const jane = await one(vault, named(project, { anonymousId: "kiosk", userId: "jane" }));
    const john = await one(vault, named(project, { anonymousId: "kiosk", userId: "john" }));
    expect(john.subject).not.toBe(jane.subject);
    expect(john.anonymousSubject).toBe(jane.anonymousSubject);
  });

  it("with a known user id claims the device too, so that the next new user does not inherit its history", async () => {
    const project = newProject();
    const jane = await one(freshVault(), named(project, { userId: "jane" }));
    const device = await one(freshVault(), named(project, { anonymousId: "kiosk" }));
    expect((await one(freshVault(), named(project, { userId: "jane", anonymousId: "kiosk" }))).subject).toBe(
      jane.subject,
    );
    const john = await one(freshVault(), named(project, { userId: "john", anonymousId: "kiosk" }));
    expect([jane.subject, device.subject]).not.toContain(john.subject);
  });

  it("is linked in the order of the events of one call", async () => {
    const project = newProject();
    const resolved = await freshVault().resolve([
      named(project, { anonymousId: "kiosk" }),
      named(project, { anonymousId: "kiosk", userId: "jane" }),
      named(project, { anonymousId: "kiosk", userId: "john" }),
      named(project, { userId: "jane" }),
    ]);
    const [device, jane, john, janeAgain] = resolved.map(({ subject }) => subject);
    expect(jane).toBe(device);
    expect(janeAgain).toBe(jane);
    expect(john).not.toBe(jane);
  });
});

describe("placeholders", () => {
  it.each([
    "null",
    "undefined",
    "NaN",
    "none",
    "0",
    "-1",
    "true",
    "false",
    "Anonymous",
    "GUEST",
    "unknown",
    "[object Object]",
  ])("%s is linked with no person", async (userId) => {
    const project = newProject();
    const a = await one(freshVault(), named(project, { userId, anonymousId: "a" }));
    const b = await one(freshVault(), named(project, { userId, anonymousId: "b" }));
    expect(a.subject).not.toBe(b.subject);
    expect(a.subject).toBe(a.anonymousSubject);
    const alone = await one(freshVault(), named(project, { userId }));
    expect([a.subject, b.subject]).not.toContain(alone.subject);
    const real = await one(freshVault(), named(project, { userId: "jane", anonymousId: "a" }));
    expect(real.subject).toBe(a.subject);
  });

  it("as anonymousId give their history to no user", async () => {
    const project = newProject();
    const nil = "00000000-0000-0000-0000-000000000000";
    const before = await one(freshVault(), named(project, { anonymousId: nil }));
    const jane = await one(freshVault(), named(project, { userId: "jane", anonymousId: nil }));
    expect(jane.subject).not.toBe(before.subject);
  });
});

describe("groups and former ids", () => {
  it("have surrogates of their own kind", async () => {
    const project = newProject();
    const vault = freshVault();
    const jane = await one(vault, named(project, { userId: "acme", groupId: "acme" }));
    expect(jane.groupSubject).toMatch(HEX);
    expect(jane.groupSubject).not.toBe(jane.subject);
  });

  it("a former id has the surrogate of its user or its device, or a new one", async () => {
    const project = newProject();
    const user = await one(freshVault(), named(project, { userId: "old-user" }));
    const device = await one(freshVault(), named(project, { anonymousId: "old-device" }));
    const alias = (previousId: string) => one(freshVault(), named(project, { userId: "jane", previousId }));
    expect((await alias("old-user")).previousSubject).toBe(user.subject);
    expect((await alias("old-device")).previousSubject).toBe(device.subject);
    const unseen = (await alias("never-seen")).previousSubject;
    expect(unseen).toMatch(HEX);
    expect((await one(freshVault(), named(project, { anonymousId: "never-seen" }))).subject).toBe(unseen);
  });
});

describe("at the same time", () => {
  it("two processes that see new ids agree on their surrogates", async () => {
    const project = newProject();
    const events = Array.from({ length: 60 }, (_, index) =>
      named(project, {
        anonymousId: `d-${index}`,
        userId: index % 2 === 0 ? `u-${index}` : null,
        groupId: `g-${index % 5}`,
      }),
    );
    const answers = await Promise.all([freshVault(), freshVault(), freshVault()].map((vault) => vault.resolve(events)));
    const settled = await freshVault().resolve(events);
    for (const answer of answers) expect(answer).toEqual(settled);
  });

  it("exactly one of two users of a new device inherits its surrogate", async () => {
    for (let round = 0; round < 10; round++) {
      const project = newProject();
      const device = await one(freshVault(), named(project, { anonymousId: "kiosk" }));
      const users = await Promise.all(
        ["jane", "john"].map((userId) => one(freshVault(), named(project, { anonymousId: "kiosk", userId }))),
      );
      const subjects = users.map(({ subject }) => subject);
      expect(new Set(subjects).size).toBe(2);
      expect(subjects.filter((subject) => subject === device.subject)).toHaveLength(1);
    }
  });
});

describe("the table", () => {
  it("contains no client's id", async () => {
    const project = newProject();
    await one(freshVault(), named(project, { userId: "jane@example.com", anonymousId: "a-readable-id" }));
    const text = JSON.stringify(await emulated.vaultItems());
    expect(text).toContain(`${project}#`);
    expect(text).not.toContain("jane");
    expect(text).not.toContain("a-readable-id");
  });

  it("is not changed by a lookup", async () => {
    const project = newProject();
    const lookup = subjectLookup(dynamodbClient(emulated.config), HMAC_KEY);
    const jane = await one(freshVault(), named(project, { userId: "jane", anonymousId: "laptop" }));
    const before = (await emulated.vaultItems()).length;
    expect(await lookup(project, { userId: "jane", anonymousId: "laptop" })).toEqual({
      subject: jane.subject,
      person: [jane.subject],
      anonymousSubject: jane.anonymousSubject,
    });
    expect(await lookup(project, { userId: "nobody" })).toEqual({ subject: null, anonymousSubject: null });
    expect((await emulated.vaultItems()).length).toBe(before);
  });
});
