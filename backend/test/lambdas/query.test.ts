// Tests the whole query Lambda with real tables, real buckets and a real database. Requests have the format of a function URL.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EnrichedEvent, type FailedEvent, hashKey, position, STORE_COLUMNS } from "@behaviour/contract";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type EmbeddedAws, type PostgresPart, provisionAws, startAws, startPostgres } from "../../../local/index.ts";
import { dynamodbClient, s3Client } from "../../src/aws.ts";
import { type Config, readConfig } from "../../src/config.ts";
import { connect, type Sql } from "../../src/database/client.ts";
import { migrateDatabase } from "../../src/database/migrate.ts";
import { FailedEventStore } from "../../src/failed/index.ts";
import { type DevelopmentKeys, seed } from "../../src/projects/seed.ts";
import { ColdTier } from "../../src/tiers/cold/tier.ts";
import { HotTier } from "../../src/tiers/hot/tier.ts";
import { WarmTier } from "../../src/tiers/warm/tier.ts";
import { Vault } from "../../src/vault/index.ts";

const SECRET = "a secret of more than thirty-two characters";
let aws: EmbeddedAws;
let postgres: PostgresPart;
let folder: string;
let config: Config;
let keys: DevelopmentKeys;
let sql: Sql;
let handler: typeof import("../../src/lambdas/query.ts").handler;

beforeAll(async () => {
  [aws, postgres] = await Promise.all([startAws({ parts: ["dynamodb", "s3", "kinesis"] }), startPostgres()]);
  folder = await mkdtemp(join(tmpdir(), "query-lambda-"));
  Object.assign(process.env, {
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
    DYNAMODB_ENDPOINT: aws.dynamodb,
    S3_ENDPOINT: aws.s3,
    KINESIS_ENDPOINT: aws.kinesis,
    DATABASE_URL: postgres.url,
    DATABASE_CONNECTIONS: "1",
    INTERNAL_SECRET: SECRET,
    VAULT_HMAC_KEY: SECRET,
  });
  config = readConfig();
  await Promise.all([provisionAws(config), migrateDatabase(postgres.url)]);
  keys = await seed(config, { keysFile: join(folder, "dev-keys.json") });
  sql = connect(postgres.url, 1);
  ({ handler } = await import("../../src/lambdas/query.ts"));
}, 120_000);
afterAll(async () => {
  await sql?.end({ timeout: 2 });
  await Promise.all([aws?.stop(), postgres?.stop()]);
  await rm(folder, { recursive: true, force: true });
});

async function ask(path: string, headers: Record<string, string> = {}) {
  const [rawPath, rawQueryString = ""] = path.split("?");
  const event = {
    version: "2.0",
    routeKey: "$default",
    rawPath,
    rawQueryString,
    headers: {
      host: "query.local",
      "x-project": keys.project,
      "x-key-id": "k_test",
      "x-scopes": "read admin privacy",
      "x-request-id": "r_1",
      ...headers,
    },
    body: null,
    isBase64Encoded: false,
    requestContext: { http: { method: "GET", path: rawPath }, domainName: "query.local" },
  };
  const answer = await handler(event as never);
  return { status: answer.statusCode, body: JSON.parse(answer.body) };
}

const BLANK = Object.fromEntries(
  STORE_COLUMNS.filter(({ nullable }) => nullable).map(({ field }) => [field, null]),
) as Partial<EnrichedEvent>;

function enriched(messageId: string, subject: string): EnrichedEvent {
  const nowMs = Date.now();
  const event: Partial<EnrichedEvent> = {
    ...BLANK,
    v: 1,
    project: keys.project,
    messageId,
    type: "track",
    event: "Bought",
    timeMs: nowMs,
    receivedAtMs: nowMs,
    processedAtMs: nowMs,
    subject,
    consent: "accept",
    path: "/shop",
    country: "DE",
    isBot: false,
    keyId: "k",
    properties: {},
    traits: {},
    context: {},
    suspect: false,
    rawShard: "shard-0",
    position: position("1", Number(messageId.slice(1))),
  };
  return event as EnrichedEvent;
}

it("answers from every store once the tiers hold the events", async () => {
  const dynamodb = dynamodbClient(config);
  const vault = new Vault(dynamodb, SECRET);
  const [subjects] = await vault.resolve([
    { project: keys.project, userId: "ada", anonymousId: null, groupId: null, previousId: null, vouchedBy: null },
  ] as never);
  const subject = (subjects as { subject: string }).subject;
  const events = [enriched("m1", subject), enriched("m2", "0".repeat(32)), enriched("m3", subject)];
  const failed = new FailedEventStore(s3Client(config));
  await new HotTier({ dynamodb }).load(events);
  await new ColdTier({ dynamodb, s3: s3Client(config) }).load(events);
  await new WarmTier({ sql, storeFailed: async () => {} }).load(events);

  const realtime = await ask("/v1/query/realtime?minutes=5");
  expect([realtime.status, realtime.body.data]).toMatchObject([
    200,
    { activeUsers: 2, topEvents: [{ event: "Bought", count: 3 }], countries: [{ country: "DE", count: 3 }] },
  ]);
  expect(realtime.body.data.perMinute).toHaveLength(5);

  const listed = await ask("/v1/events?userId=ada");
  expect(listed.body.data.map((event: { messageId: string }) => event.messageId).toSorted()).toEqual(["m1", "m3"]);
  const trend = await ask("/v1/query/trend?event=Bought&interval=minute&measure=users");
  expect(Math.max(...trend.body.data.map(({ value }: { value: number }) => value))).toBeGreaterThanOrEqual(1);

  const accepted = new Date().toISOString();
  const trace = await ask("/v1/events/m1", { "x-shard-trace": JSON.stringify({ accepted, flushed: accepted }) });
  const time = expect.stringMatching(/^\d{4}-.*Z$/);
  expect([trace.status, trace.body.data]).toMatchObject([
    200,
    { messageId: "m1", accepted, flushed: accepted, processed: time, hot: time, warm: time, cold: time },
  ]);
  expect(Object.keys(trace.body.data)).not.toContain("failed");

  const nowMs = Date.now();
  const failure: FailedEvent = {
    id: "f1",
    project: keys.project,
    messageId: "m9",
    code: "unstorable",
    message: "refused",
    pointer: null,
    stage: "warm",
    failedAtMs: nowMs,
    receivedAtMs: nowMs,
    payload: "{}",
    payloadCut: false,
  };
  await failed.store([failure], "test");
  const failures = await ask("/v1/failed-events?code=unstorable");
  expect(failures.body.data).toMatchObject([{ id: "f1", messageId: "m9", code: "unstorable" }]);
  const failedTrace = await ask("/v1/events/m9");
  expect(failedTrace.body.data).toMatchObject({ messageId: "m9", failed: { code: "unstorable", message: "refused" } });
  expect((await ask("/v1/failed-events?code=nothing")).body.pointer).toBe("/code");
});

it("answers 404 for a message that is unknown in this project", async () => {
  expect((await ask("/v1/events/m-nowhere")).status).toBe(404);
  expect((await ask("/v1/events/m1", { "x-project": "p_other" })).status).toBe(404);
  expect((await ask(`/v1/events/${"a".repeat(101)}`)).status).toBe(404);
  expect((await ask("/v1/events/%00")).status).toBe(404);
  expect((await ask("/v1/events/%ZZ")).status).toBe(404);
});

it("answers the edge's request for a key", async () => {
  const found = await ask(`/internal/keys/${hashKey(keys.publicKey)}`, { "x-project": "" });
  expect([found.status, found.body]).toMatchObject([
    200,
    { project: keys.project, kind: "public", rateLimit: 100_000 },
  ]);
});
