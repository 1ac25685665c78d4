// Tests that the place of a refusal of consent does not depend on the number of shards. A refusal applies with more shards, with
// fewer shards, while the number changes, in every region, and for any number that an isolate has cached. Uses the public API.
// ADR 009, E1.

import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { KeyRecord } from "@behaviour/contract";
import { describe, expect, it } from "vitest";
import worker from "../../src/worker.ts";
import { bearer, goodEvent, ORIGIN, send } from "../client.ts";
import { newKey, newProject } from "../keys.ts";

const VISITORS = 40;
const DENIED = { analytics: "denied" };

function visitors(name: string): string[] {
  return Array.from({ length: VISITORS }, (_, index) => `${name}-${index}`);
}

/** A key of the project for an isolate that has cached this number of shards. */
function keyWith(project: string, shards: number, change: Partial<KeyRecord> = {}): Promise<string> {
  return newKey({ project, shards, ...change });
}

async function refuse(key: string, ids: Record<string, unknown>) {
  return send("/v1/consent", { body: { ...ids, purposes: DENIED, method: "banner" }, headers: bearer(key) });
}

async function sendBatch(key: string, events: object[], continent = "NA"): Promise<Record<string, unknown>> {
  const request = new Request(`${ORIGIN}/v1/batch`, {
    method: "POST",
    headers: bearer(key),
    body: JSON.stringify({ batch: events }),
    cf: { continent, country: "US" } as unknown as CfProperties,
  });
  return (await worker.fetch(request, env, createExecutionContext())).json();
}

describe("the number of shards", () => {
  it.each([
    [1, [4, 16, 2, 1]],
    [16, [1, 3, 256]],
    [3, [7, 1]],
  ])("refusals made with %i shards bind with %j", async (before, after) => {
    const project = newProject("counts");
    const key = await keyWith(project, before);
    const ids = visitors("v");
    // Shards exist already, and have judged without a ledger until now.
    expect(await sendBatch(key, [goodEvent({ anonymousId: "before" })])).toMatchObject({ accepted: 1 });
    for (const anonymousId of ids) expect((await refuse(key, { anonymousId })).status).toBe(200);
    for (const shards of [before, ...after]) {
      const later = await keyWith(project, shards);
      const events = [...ids, "somebody-else"].map((anonymousId) => goodEvent({ anonymousId }));
      for (const continent of ["NA", "EU"]) {
        const answer = await sendBatch(
          later,
          events.map((event) => ({ ...event, messageId: crypto.randomUUID() })),
          continent,
        );
        expect(answer, `${shards} shards, ${continent}`).toMatchObject({ accepted: 1, suppressed: VISITORS });
      }
    }
  });

  it("a refusal by userId alone binds every device of that user, with more shards as well", async () => {
    const project = newProject("users");
    const key = await keyWith(project, 1);
    const secret = await keyWith(project, 1, { kind: "secret" });
    expect((await refuse(secret, { userId: "member" })).status).toBe(200);
    for (const shards of [1, 4, 16, 2]) {
      const later = await keyWith(project, shards);
      const events = visitors("d").map((anonymousId) => goodEvent({ anonymousId, userId: "member" }));
      expect(await sendBatch(later, events), `${shards} shards`).toMatchObject({ accepted: 0, suppressed: VISITORS });
    }
    expect(await sendBatch(key, [goodEvent({ userId: "member", anonymousId: undefined })])).toMatchObject({
      suppressed: 1,
    });
  });

  it("refusals that come in while the number changes, from isolates of either belief, bind in both", async () => {
    const project = newProject("changing");
    const [old, now] = [await keyWith(project, 1), await keyWith(project, 4)];
    const ids = visitors("c");
    await Promise.all(
      ids.map(async (anonymousId, index) => {
        const [writes, sends] = index % 2 === 0 ? [old, now] : [now, old];
        expect((await refuse(writes, { anonymousId })).status).toBe(200);
        // The next event after the answer, with either number of shards.
        expect(await sendBatch(sends, [goodEvent({ anonymousId })])).toMatchObject({ accepted: 0, suppressed: 1 });
        expect(await sendBatch(writes, [goodEvent({ anonymousId })])).toMatchObject({ accepted: 0, suppressed: 1 });
      }),
    );
  });

  it("a grant that follows binds the same way", async () => {
    const project = newProject("grants");
    const key = await keyWith(project, 4, { settings: { consentRegime: "opt-in" } });
    const ids = visitors("g");
    for (const anonymousId of ids) {
      const body = { anonymousId, purposes: { analytics: "granted", advertising: "granted" }, method: "banner" };
      expect((await send("/v1/consent", { body, headers: bearer(key) })).status).toBe(200);
    }
    for (const shards of [4, 16, 1]) {
      const later = await keyWith(project, shards, { settings: { consentRegime: "opt-in" } });
      const events = [...ids, "stranger"].map((anonymousId) => goodEvent({ anonymousId }));
      expect(await sendBatch(later, events)).toMatchObject({ accepted: VISITORS, suppressed: 1 });
    }
  });
});
