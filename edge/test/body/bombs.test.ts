// Sends bodies that are crafted to be expensive to every route with a body. The routes come from the route tables, so that no new
// route is missed. Each body is answered with a client error, or event by event, and does not affect later requests. E8.

import { gzipSync } from "node:zlib";
import { LIMITS } from "@behaviour/contract";
import { describe, expect, it } from "vitest";
import { POSTED } from "../../src/collect/routes.ts";
import { FORWARDED_ROUTES, OWN_ROUTES } from "../../src/gateway/routes.ts";
import { bearer, expectCors, fetchEdge } from "../client.ts";
import { useTable } from "../collect/table.ts";

const table = useTable("bombs");

/** tests/budget tests the largest bodies. So many of them here would block the process for longer than a flush may take. */
const BODY = LIMITS.bodyBytes / 4;
const fill = (part: string, bytes = BODY) => part.repeat(Math.floor(bytes / part.length));
const keys = (count: number) => Array.from({ length: count }, (_, key) => `"k${key}":1`).join(",");
const event = (properties: string) => `{"type":"track","event":"e","anonymousId":"a","properties":${properties}}`;
const batch = (...events: string[]) => `{"batch":[${events.join(",")}]}`;

const BOMBS: [name: string, text: string][] = [
  ["brackets", fill("[")],
  ["brackets that close", `${"[".repeat(BODY / 2)}${"]".repeat(BODY / 2)}`],
  ["braces", fill('{"":')],
  ["an event nested deeply", batch(event(`${'{"a":'.repeat(300_000)}1${"}".repeat(300_000)}`))],
  ["empty objects", batch(fill("{},") + "{}")],
  ["290,000 keys of an event", batch(event(`{${keys(290_000)}}`))],
  ["290,000 keys of the body", `{${keys(290_000)}}`],
  ["290,000 keys of the context", `{"batch":[${event("{}")}],"context":{${keys(290_000)}}}`],
  ["keys in 64 events", batch(...Array.from({ length: 64 }, () => event(`{${keys(4_000)}}`)))],
  ["one key 500,000 times", batch(event(`{${fill('"a":1,')}"a":1}`))],
  ["__proto__ 200,000 times", batch(event(`{${fill('"__proto__":{},')}"a":1}`))],
  [
    "keys that are indices",
    batch(event(`{${Array.from({ length: 300_000 }, (_, key) => `"${key * 7_919}":1`).join(",")}}`)),
  ],
  ["digits", batch(event(`{"a":${fill("9")}}`))],
  ["digits of a fraction", batch(event(`{"a":0.${fill("9")}}`))],
  ["an exponent", batch(event(`{"a":1e${fill("9")}}`))],
  ["numbers", batch(event(`{"a":[${fill("1,")}1]}`))],
  ["large numbers", batch(event(`{"a":[${fill("12345678901234567890,")}1]}`))],
  ["short texts", batch(event(`{"a":[${fill('"",')}1]}`))],
  ["one huge text", batch(event(`{"a":"${fill("x")}"}`))],
  ["escapes", batch(event(`{"a":"${fill("\\u0000")}"}`))],
  ["lone surrogates", batch(event(`{"a":"${fill("\\ud800")}"}`))],
  ["quotes", batch(event(`{"a":"${fill('\\"')}"}`))],
  ["a text that never ends", `{"a":"${fill("x")}`],
  ["white space", `${fill(" ")}{}`],
  ["commas", fill(",")],
  ["2,500 nulls", batch(...Array<string>(2_500).fill("null"))],
  ["a deep event 100 times", batch(...Array<string>(100).fill(event(`${"[".repeat(5_000)}${"]".repeat(5_000)}`)))],
];

const withBody = (method: string) => method === "POST" || method === "PUT" || method === "PATCH";
const segment = (path: string) => path.replaceAll(/\{\w+\}/g, "x");
const ROUTES = [
  ...[...POSTED.keys()].map((path) => `POST /v1/${path}`),
  ...Object.entries(OWN_ROUTES).flatMap(([path, methods]) =>
    methods.filter(withBody).map((method) => `${method} ${path}`),
  ),
  ...Object.entries(FORWARDED_ROUTES).flatMap(([path, { methods }]) =>
    methods.filter(withBody).map((method) => `${method} ${segment(path)}`),
  ),
];
/** One route of each handler is enough for the other bombs. */
const HANDLERS = ["POST /v1/track", "POST /v1/batch", "POST /v1/beacon", "POST /v1/consent", "POST /v1/query/funnel"];
/** A generous bound, because each answer takes a fraction of a second. */
const ANSWERED_WITHIN_MS = 20_000;

async function expectHarmless(route: string, text: string): Promise<void> {
  const [method, path] = route.split(" ") as [string, string];
  const gzip = new Uint8Array(gzipSync(text));
  for (const [body, encoding] of [
    [text, {}],
    [gzip, { "Content-Encoding": "gzip" }],
  ] as const) {
    const beganAtMs = Date.now();
    const headers = { ...bearer(table.secretKey), ...encoding };
    const answer = await fetchEdge(path, { method, headers, body });
    await answer.arrayBuffer();
    expectCors(answer.headers);
    expect(answer.status, `${route}: ${answer.status}`).toBeLessThan(500);
    expect(Date.now() - beganAtMs).toBeLessThan(ANSWERED_WITHIN_MS);
  }
}

describe("a body that is crafted to be costly", () => {
  it.each(BOMBS)("of %s", async (_name, text) => {
    for (const route of HANDLERS) await expectHarmless(route, text);
    await table.expectGoodEventTaken();
  });

  const some = BOMBS.filter(([name]) => /^(?:brackets that close|290,000 keys of an event|digits)$/.test(name));

  it.each(ROUTES)("to %s", async (route) => {
    expect(some).toHaveLength(3);
    for (const [, text] of some) await expectHarmless(route, text);
    await table.expectGoodEventTaken();
  });

  it("in the pixel", async () => {
    for (const text of ["[".repeat(4_000), `{${keys(500)}}`, `{"a":${"9".repeat(6_000)}}`, '{"":'.repeat(1_500)]) {
      const answer = await fetchEdge(`/v1/pixel.gif?data=${btoa(text)}`, {});
      expect(answer.status).toBe(200);
      await answer.arrayBuffer();
    }
    await table.expectGoodEventTaken();
  });
});
