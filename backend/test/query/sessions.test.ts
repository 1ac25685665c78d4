// Tests the function `sessions` of the warm tier: the rules as a table, and equal sessions for every order of arrival.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CALLER, openWarehouse, PROJECT, type Warehouse } from "./warehouse.ts";

let warehouse: Warehouse;
beforeAll(async () => {
  warehouse = await openWarehouse();
}, 60_000);
afterAll(async () => {
  await warehouse.stop();
});

interface Seen {
  at: string;
  session?: string;
  campaign?: string;
  type?: string;
  path?: string;
  subject?: string;
  device?: string | null;
  medium?: string;
  source?: string;
}

let visitors = 0;

/** @param events times of day on 2026-11-20, or full ISO times. */
async function store(
  project: string,
  visitor: string,
  events: readonly Seen[],
  order = [...events.keys()],
): Promise<void> {
  for (const index of order) {
    const seen = events[index] as Seen;
    const time = seen.at.includes("T") ? seen.at : `2026-11-20T${seen.at}Z`;
    await warehouse.sql`
      insert into event (project, message_id, time, received_at, type, subject, anonymous_subject, session_id, consent, path,
        utm_source, referrer_medium, referrer_source, is_bot, properties, traits, context, label, raw_shard, raw_position)
      values (${project}, ${`${visitor}-${index}`}, ${time}, ${time}, ${seen.type ?? "page"}, ${seen.subject ?? visitor},
        ${seen.device === undefined ? visitor : seen.device}, ${seen.session ?? null}, 'accept', ${seen.path ?? null},
        ${seen.campaign ?? null}, ${seen.medium ?? null}, ${seen.source ?? null}, false, '{}', '{}', '{}', 'x', 's', '1')
      on conflict do nothing`;
  }
}

const FROM = "2026-11-19T00:00:00Z";
const TO = "2026-11-23T00:00:00Z";

const sessionsOf = (project: string, { from = FROM, to = TO, zone = "UTC" } = {}) =>
  warehouse.sql`
    select *, to_char(started_at at time zone 'UTC', 'HH24:MI') as start, to_char(ended_at at time zone 'UTC', 'HH24:MI') as stop,
           events::int as count
    from sessions(${project}, ${from}, ${to}, ${zone}) order by started_at, session_id`;

const spans = async (project: string, options = {}) =>
  (await sessionsOf(project, options)).map(({ start, stop, count }) => `${start}-${stop} ${count}`);

describe("without a session id of the client", () => {
  it.each<[string, Seen[], string[]]>([
    ["one event is a session", [{ at: "10:00" }], ["10:00-10:00 1"]],
    [
      "30 minutes without an event do not end it",
      [{ at: "10:00" }, { at: "10:30" }, { at: "11:00" }],
      ["10:00-11:00 3"],
    ],
    [
      "a pause that is a millisecond longer ends a session",
      [{ at: "10:00" }, { at: "10:30:00.001" }],
      ["10:00-10:00 1", "10:30-10:30 1"],
    ],
    [
      "any event counts as activity",
      [{ at: "10:00" }, { at: "10:20", type: "identify" }, { at: "10:40" }],
      ["10:00-10:40 3"],
    ],
    ["midnight ends a session", [{ at: "23:55" }, { at: "2026-11-21T00:05:00Z" }], ["23:55-23:55 1", "00:05-00:05 1"]],
    [
      "another campaign starts a session",
      [{ at: "10:00", campaign: "a" }, { at: "10:05" }, { at: "10:10", campaign: "b" }, { at: "10:15" }],
      ["10:00-10:05 2", "10:10-10:15 2"],
    ],
    [
      "the same campaign again starts no session",
      [{ at: "10:00", campaign: "a" }, { at: "10:05" }, { at: "10:10", campaign: "a" }],
      ["10:00-10:10 3"],
    ],
    [
      "a campaign after a direct visit starts a session, and so does a return to the first campaign",
      [{ at: "10:00" }, { at: "10:05", campaign: "a" }, { at: "10:10", campaign: "b" }, { at: "10:15", campaign: "a" }],
      ["10:00-10:00 1", "10:05-10:05 1", "10:10-10:10 1", "10:15-10:15 1"],
    ],
    [
      "a session does not inherit the campaign of the previous session",
      [{ at: "10:00", campaign: "a" }, { at: "12:00" }, { at: "12:05", campaign: "a" }],
      ["10:00-10:00 1", "12:00-12:00 1", "12:05-12:05 1"],
    ],
    [
      "a paid click without a campaign counts as a campaign",
      [
        { at: "10:00" },
        { at: "10:05", medium: "paid", source: "Google" },
        { at: "10:06", medium: "internal", source: "x" },
      ],
      ["10:00-10:00 1", "10:05-10:06 2"],
    ],
  ])("%s", async (_name, events, expected) => {
    const visitor = `v${visitors++}`;
    await store(visitor, visitor, events);
    expect(await spans(visitor)).toEqual(expected);
  });

  it("midnight follows the requested time zone", async () => {
    const visitor = `v${visitors++}`;
    await store(visitor, visitor, [{ at: "22:55" }, { at: "23:05" }, { at: "23:55" }, { at: "2026-11-21T00:05:00Z" }]);
    expect(await spans(visitor, { zone: "Europe/Berlin" })).toEqual([
      "22:55-22:55 1",
      "23:05-23:05 1",
      "23:55-00:05 2",
    ]);
  });

  it("sessions belong to a device regardless of its user, and have the last user as subject", async () => {
    const project = `p${visitors++}`;
    await store(project, "kiosk", [{ at: "10:00" }, { at: "10:05", subject: "jane" }]);
    await store(project, "server", [{ at: "10:01", device: null, subject: "jane" }]);
    const rows = await sessionsOf(project);
    expect(rows.map(({ subject, anonymous_subject, count }) => [subject, anonymous_subject, count])).toEqual([
      ["jane", "kiosk", 2],
      ["jane", null, 1],
    ]);
  });
});

describe("with a session id of the client", () => {
  it("sessions follow that id over midnight, pauses and campaigns, and events without an id are separate", async () => {
    const visitor = `v${visitors++}`;
    await store(visitor, visitor, [
      { at: "22:00", session: "s1", campaign: "a", path: "/in" },
      { at: "22:01" },
      { at: "23:50", session: "s1", campaign: "b" },
      { at: "2026-11-21T00:10:00Z", session: "s1", type: "track", path: "/out" },
      { at: "2026-11-21T00:11:00Z", session: "s2" },
    ]);
    const rows = await sessionsOf(visitor);
    expect(rows.map(({ session_id, start, stop, count }) => [session_id, start, stop, count])).toEqual([
      ["s1", "22:00", "00:10", 3],
      [`${visitor}-${Date.UTC(2026, 10, 20, 22, 1)}`, "22:01", "22:01", 1],
      ["s2", "00:11", "00:11", 1],
    ]);
    expect(rows[0]).toMatchObject({ entry_path: "/in", exit_path: "/out", utm_source: "a", pages: "2" });
  });

  it("two devices under one id are two sessions", async () => {
    const project = `p${visitors++}`;
    await store(project, "a", [{ at: "10:00", session: "1" }]);
    await store(project, "b", [{ at: "10:00", session: "1" }]);
    expect(await spans(project)).toHaveLength(2);
  });
});

describe("sessions", () => {
  it("are counted by their start, and once for any split of a range", async () => {
    const visitor = `v${visitors++}`;
    await store(visitor, visitor, [
      { at: "09:50" },
      { at: "10:10" },
      { at: "10:35" },
      { at: "23:50", session: "s1" },
      { at: "2026-11-21T00:10:00Z", session: "s1" },
    ]);
    const cuts = ["2026-11-19T00:00:00Z", "2026-11-20T10:00:00Z", "2026-11-20T10:20:00Z", "2026-11-21T00:00:00Z", TO];
    const found: string[][] = [];
    for (const [index, from] of cuts.slice(0, -1).entries())
      found.push(await spans(visitor, { from, to: cuts[index + 1] }));
    expect(found).toEqual([["09:50-10:35 3"], [], ["23:50-00:10 2"], []]);
  });

  it("are the same if the events arrive twice and in another order", async () => {
    const [one, other] = [`v${visitors++}`, `v${visitors++}`];
    const events: Seen[] = [{ at: "10:00" }, { at: "10:20", campaign: "a" }, { at: "10:40" }, { at: "12:00" }];
    await store(one, "same", events);
    await store(other, "same", events, [3, 1, 1, 0, 2, 3, 0]);
    expect(await sessionsOf(other)).toEqual((await sessionsOf(one)).map((row) => ({ ...row, project: other })));
  });

  it("belong to one project, and are readable for the role `analyst`", async () => {
    const visitor = `v${visitors++}`;
    await store(visitor, visitor, [{ at: "10:00" }]);
    expect(await spans(PROJECT)).toEqual([]);
    const rows = await warehouse.sql.begin(async (tx) => {
      await tx`set local role analyst`;
      return tx`select count(*)::int as n from sessions(${visitor}, ${FROM}, ${TO})`;
    });
    expect(rows[0]).toEqual({ n: 1 });
  });
});

describe("GET /v1/query/sessions", () => {
  const ask = (project: string, query: string) =>
    warehouse.get(`/v1/query/sessions?${query}`, { ...CALLER, "x-project": project });

  it("counts sessions by the bucket of their start, and fills gaps with 0", async () => {
    const project = `p${visitors++}`;
    await store(project, "a", [{ at: "10:00" }, { at: "10:10" }, { at: "23:30" }]);
    await store(project, "b", [{ at: "10:00" }, { at: "10:20" }]);
    const { status, body } = await ask(project, "from=2026-11-20&to=2026-11-22&timezone=Europe/Berlin");
    const none = { sessions: 0, users: 0, bounces: 0, events: 0, averageDurationMs: 0 };
    expect(status).toBe(200);
    expect(body.data).toEqual([
      { bucket: "2026-11-19T23:00:00.000Z", sessions: 2, users: 2, bounces: 0, events: 4, averageDurationMs: 900_000 },
      { bucket: "2026-11-20T23:00:00.000Z", ...none, sessions: 1, users: 1, bounces: 1, events: 1 },
      { bucket: "2026-11-21T23:00:00.000Z", ...none },
    ]);
    expect((await ask("nobody", "from=2026-11-20&to=2026-11-21")).body.data).toEqual([
      { bucket: "2026-11-20T00:00:00.000Z", ...none },
    ]);
  });

  it.each([
    ["interval=minute", "/interval"],
    ["timezone=Mars/Olympus", "/timezone"],
    ["interval=hour&from=2000-01-01&to=2026-01-01", "/interval"],
  ])("%s is refused", async (query, pointer) => {
    const { status, body } = await ask(PROJECT, query);
    expect([status, body.code, body.pointer]).toEqual([400, "invalid_parameter", pointer]);
  });
});
