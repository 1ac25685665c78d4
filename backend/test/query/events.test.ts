import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openWarehouse, type Warehouse } from "./warehouse.ts";

const SURROGATES: Record<string, string> = { ada: "surrogate-ada", device: "surrogate-device" };
let warehouse: Warehouse;
beforeAll(async () => {
  warehouse = await openWarehouse({
    lookupSubjects: async (_project, { userId, anonymousId }) => ({
      subject: SURROGATES[userId ?? ""] ?? null,
      anonymousSubject: SURROGATES[anonymousId ?? ""] ?? null,
    }),
  });
}, 60_000);
afterAll(() => warehouse.stop());

const TIME = "2026-05-01T10:00:00.000Z";
const RANGE = "from=2026-05-01&to=2026-05-02";

async function everyPage(query: string): Promise<string[][]> {
  const pages: string[][] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const { status, body } = await warehouse.get(`/v1/events?${query}&cursor=${cursor}`);
    expect(status, JSON.stringify(body)).toBe(200);
    pages.push(body.data.map((event: { messageId: string }) => event.messageId));
    cursor = body.nextCursor as string | null;
  }
  return pages;
}

describe("events", () => {
  it("returns pages with each event once, newest first, also for equal times", async () => {
    const ids = Array.from({ length: 25 }, (_, n) => `tie-${String(n).padStart(2, "0")}`);
    await warehouse.store(ids.map((messageId) => ({ messageId, time: TIME, event: "Tie" })));
    const pages = await everyPage(`event=Tie&${RANGE}&limit=10`);
    expect(pages.map((page) => page.length)).toEqual([10, 10, 5]);
    expect(pages.flat()).toEqual([...ids].reverse());
  });

  it("ends after a full last page without a further cursor", async () => {
    await warehouse.store([1, 2].map((n) => ({ messageId: `full-${n}`, time: TIME, event: "Full" })));
    expect(await everyPage(`event=Full&${RANGE}&limit=2`)).toEqual([["full-2", "full-1"]]);
  });

  it("is not shifted by events that arrive between two pages", async () => {
    const at = (minute: number) => `2026-05-01T11:${String(minute).padStart(2, "0")}:00Z`;
    await warehouse.store([1, 2, 3, 4].map((n) => ({ messageId: `late-${n}`, time: at(n), event: "Late" })));
    const first = await warehouse.get(`/v1/events?event=Late&${RANGE}&limit=2`);
    await warehouse.store([{ messageId: "late-9", time: at(9), event: "Late" }]);
    const second = await warehouse.get(`/v1/events?event=Late&${RANGE}&limit=2&cursor=${first.body.nextCursor}`);
    expect([...first.body.data, ...second.body.data].map((event) => event.messageId)).toEqual([
      "late-4",
      "late-3",
      "late-2",
      "late-1",
    ]);
  });

  it("answers in Segment's field names", async () => {
    await warehouse.store([
      { messageId: "shape", time: TIME, event: "Shape", country: "DE", properties: { price: 1.5 } },
      { messageId: "shape-page", time: TIME, type: "page", event: "Home", path: "/" },
    ]);
    const { body } = await warehouse.get(`/v1/events?event=Shape&${RANGE}`);
    expect(body).toEqual({
      data: [
        {
          messageId: "shape",
          type: "track",
          event: "Shape",
          timestamp: TIME,
          receivedAt: TIME,
          sentAt: null,
          originalTimestamp: null,
          subject: "s1",
          anonymousSubject: null,
          sessionId: null,
          consent: "accept",
          properties: { price: 1.5 },
          traits: {},
          context: {},
          enriched: { country: "DE", isBot: false },
        },
      ],
      nextCursor: null,
    });
    const page = await warehouse.get(`/v1/events?event=Home&${RANGE}`);
    expect(page.body.data[0]).toMatchObject({ type: "page", name: "Home" });
  });

  it("finds events without a name by their type, and persons by their ids through the vault", async () => {
    await warehouse.store([
      { messageId: "who-1", time: TIME, type: "identify", subject: "surrogate-ada" },
      { messageId: "who-2", time: TIME, subject: "x", anonymousSubject: "surrogate-device" },
    ]);
    expect(await everyPage(`event=identify&${RANGE}`)).toEqual([["who-1"]]);
    expect(await everyPage(`userId=ada&${RANGE}`)).toEqual([["who-1"]]);
    expect(await everyPage(`anonymousId=device&${RANGE}`)).toEqual([["who-2"]]);
    expect(await everyPage(`userId=nobody&${RANGE}`)).toEqual([[]]);
    expect(await everyPage(`userId=ada&anonymousId=device&${RANGE}`)).toEqual([[]]);
  });

  it("shows an event that a fast clock has just sent", async () => {
    await warehouse.store([{ messageId: "ahead", time: Date.now() + 23 * 3_600_000, event: "Ahead" }]);
    expect(await everyPage("event=Ahead")).toEqual([["ahead"]]);
  });

  it("refuses a cursor that was changed or belongs to another project", async () => {
    await warehouse.store([1, 2, 3].map((n) => ({ messageId: `c-${n}`, time: TIME, event: "Cursor" })));
    const { body } = await warehouse.get(`/v1/events?event=Cursor&${RANGE}&limit=1`);
    const cursor = body.nextCursor as string;
    const refused = { code: "invalid_parameter", pointer: "/cursor" };
    const flipped = (at: number) => cursor.slice(0, at) + (cursor[at] === "A" ? "B" : "A") + cursor.slice(at + 1);
    for (const changed of [
      flipped(0),
      flipped(30),
      flipped(cursor.length - 1),
      `${cursor}A`,
      cursor.slice(0, -4),
      "x",
      "%00",
    ]) {
      const answer = await warehouse.get(`/v1/events?event=Cursor&${RANGE}&limit=1&cursor=${changed}`);
      expect([answer.status, answer.body]).toMatchObject([400, refused]);
    }
    const elsewhere = await warehouse.get(`/v1/events?event=Cursor&${RANGE}&cursor=${cursor}`, {
      "x-project": "p_other",
    });
    expect([elsewhere.status, elsewhere.body]).toMatchObject([400, refused]);
    const otherFilter = await warehouse.get(`/v1/events?event=Other&${RANGE}&cursor=${cursor}`);
    expect([otherFilter.status, otherFilter.body]).toMatchObject([400, refused]);
  });

  it("shows a project no events of another project", async () => {
    await warehouse.store([{ project: "p_secret", messageId: "theirs", time: TIME, event: "Theirs" }]);
    for (const query of [`event=Theirs&${RANGE}`, `event=Theirs&${RANGE}&project=p_secret`]) {
      expect((await warehouse.get(`/v1/events?${query}`)).body.data).toEqual([]);
    }
    const top = await warehouse.get(`/v1/query/top?by=event&${RANGE}&limit=1000`);
    expect(JSON.stringify(top.body)).not.toContain("Theirs");
  });

  it.each(["limit=0", "limit=501", "limit=ten", "limit=1e2", "from=x", "to=%20", `userId=${"a".repeat(257)}`])(
    "refuses %s",
    async (query) => {
      const { status, body } = await warehouse.get(`/v1/events?${query}`);
      expect([status, body.code, body.pointer]).toEqual([400, "invalid_parameter", `/${query.split("=")[0]}`]);
    },
  );

  it("treats an empty parameter as absent", async () => {
    const { status } = await warehouse.get("/v1/events?userId=&anonymousId=&event=&from=&to=&limit=&cursor=");
    expect(status).toBe(200);
  });
});

describe("top", () => {
  it("counts events and subjects by value, most frequent first", async () => {
    const range = "from=2026-06-01&to=2026-06-02";
    const at = "2026-06-01T10:00:00Z";
    await warehouse.store([
      { time: at, type: "page", path: "/a", subject: "s1" },
      { time: at, type: "page", path: "/a", subject: "s1" },
      { time: at, type: "page", path: "/a", subject: "s2" },
      { time: at, type: "page", path: "/b", subject: "s1" },
      { time: at, type: "track", path: "/b", event: "Buy", subject: "s1", country: "DE", properties: { plan: "pro" } },
    ]);
    const top = async (by: string) => (await warehouse.get(`/v1/query/top?by=${by}&${range}`)).body.data;
    expect(await top("page")).toEqual([
      { value: "/a", count: 3, users: 2 },
      { value: "/b", count: 1, users: 1 },
    ]);
    expect(await top("event")).toEqual([
      { value: "page", count: 4, users: 2 },
      { value: "Buy", count: 1, users: 1 },
    ]);
    expect(await top("country")).toEqual([{ value: "DE", count: 1, users: 1 }]);
    expect(await top("properties.plan")).toEqual([{ value: "pro", count: 1, users: 1 }]);
    expect(await top("utm_source")).toEqual([]);
  });

  it.each(["", "by=subject", "by=label;drop table event", "by=__proto__", "by=toString"])(
    "refuses %j",
    async (query) => {
      const { status, body } = await warehouse.get(`/v1/query/top?${query}`);
      expect([status, body.code, body.pointer]).toEqual([400, "invalid_parameter", "/by"]);
    },
  );
});
