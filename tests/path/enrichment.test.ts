// Over the whole path: personal data of the second kind are in no answer and in no store, one person's devices are found
// together, sessions are counted, and an enrichment that a project turns off does not run.

import { randomUUID } from "node:crypto";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Pipeline } from "../harness/pipeline.ts";

let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await Pipeline.start();
});
afterAll(async () => {
  await pipeline?.remove();
});

type Json = Record<string, any>;

async function call(method: string, path: string, key: string, body?: unknown): Promise<Json> {
  const answer = await fetch(`${pipeline.origin}${path}`, {
    method,
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${key}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  expect(answer.status, path).toBe(200);
  return (await answer.json()) as Json;
}

const send = (event: object) => call("POST", "/v1/track", pipeline.keys.publicKey, event);
const read = (path: string) => call("GET", path, pipeline.keys.secretKey);

async function until(question: () => Promise<Json[]>, count: number): Promise<Json[]> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const rows = await question();
    if (rows.length >= count || Date.now() > deadline) return rows;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

const listed = async (query: string) => (await read(`/v1/events?${query}`)).data as Json[];
const track = (anonymousId: string, more: object = {}) => ({
  event: "Called",
  messageId: randomUUID(),
  anonymousId,
  ...more,
});

describe("enrichment", () => {
  it("masks phones, IBANs and national ids everywhere, and names the places", async () => {
    const canary = track("masked", {
      properties: { phone: "030 23125000", note: "to DE89370400440532013000 or a@example.com", order: "23125000-1" },
    });
    await send(canary);
    const [event] = await until(() => listed("anonymousId=masked"), 1);
    expect(event?.["properties"]).toEqual({ phone: "[phone]", note: "to [iban] or [email]", order: "23125000-1" });
    expect(event?.["enriched"].pii).toEqual([
      { pointer: "/properties/note", class: "email" },
      { pointer: "/properties/phone", class: "phone" },
      { pointer: "/properties/note", class: "iban" },
    ]);
    const sql = postgres(pipeline.endpoints.database, { max: 1, onnotice: () => {} });
    try {
      const [row] = await sql`select pii, events::text as all from events where message_id = ${canary.messageId}`;
      expect(row?.["pii"]).toHaveLength(3);
      expect(row?.["all"]).not.toMatch(/030 23125000|DE8937/);
    } finally {
      await sql.end();
    }
  });

  it("finds the devices of one person together, and no devices of other people", async () => {
    for (const event of [track("laptop", { userId: "jane" }), track("tablet"), track("kiosk", { userId: "john" })]) {
      await send(event);
    }
    await until(() => listed("anonymousId=tablet"), 1);
    await until(() => listed("userId=john"), 1);
    await send(track("tablet", { userId: "jane" }));
    await send(track("kiosk", { userId: "jane" }));
    const ofJane = await until(() => listed("userId=jane"), 4);
    expect(ofJane).toHaveLength(4);
    expect(await listed("userId=john")).toHaveLength(1);
    const { data } = await read("/v1/query/sessions?interval=day");
    const sum = (name: string) => (data as Json[]).reduce((total, point) => total + point[name], 0);
    expect(sum("events")).toBe(6);
    expect(sum("sessions")).toBe(4);
  });

  it("leaves out the enrichments that the project turned off", async () => {
    const settings = { enrichments: { page: false, session: false }, pii: { phone: "reject" } };
    await call("PATCH", "/v1/admin/projects/p_default", pipeline.keys.secretKey, { settings });
    const context = { sessionId: "s-1", page: { url: "https://shop.example/a" } };
    const deadline = Date.now() + 30_000;
    let event: Json | undefined;
    do {
      const sent = track("switched", { context });
      await send(sent);
      [event] = (await until(() => listed("anonymousId=switched"), 1)).filter((one) => one["sessionId"] === null);
    } while (event === undefined && Date.now() < deadline);
    expect(event?.["enriched"]).not.toHaveProperty("path");
    expect(event?.["context"].page).toEqual(context.page);
    const refused = track("switched", { properties: { phone: "030 23125000" } });
    await send(refused);
    const failed = await until(async () => (await read("/v1/failed-events?code=personal_data")).data, 1);
    expect(failed).toMatchObject([{ messageId: refused.messageId, pointer: "/properties/phone" }]);
    expect(JSON.stringify(failed)).not.toContain("23125000");
  });
});
