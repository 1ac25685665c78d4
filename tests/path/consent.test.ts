// I6, for each outcome: data that consent forbids are in no place. The test searches streams, stores, the edge's own files and
// logs. For each search an event that must be found proves that the search works.

import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DynamoDBClient, paginateScan } from "@aws-sdk/client-dynamodb";
import { decodeFrame, STREAMS } from "@behaviour/contract";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Pipeline } from "../harness/pipeline.ts";
import { queryCold } from "../harness/stores.ts";
import { StreamReader } from "../harness/stream-reader.ts";

const LOCAL = { region: "us-east-1", credentials: { accessKeyId: "local", secretAccessKey: "local" } };

let pipeline: Pipeline;
let project: string;
let key: string;

beforeAll(async () => {
  pipeline = await Pipeline.start();
  const make = async (path: string, body: object) => {
    const { body: answer } = await pipeline.read(path, { method: "POST", body: JSON.stringify(body) });
    return (answer as { data: { id: string; key: string } }).data;
  };
  project = (await make("/v1/admin/projects", { name: "Consent", settings: { consentRegime: "opt-in" } })).id;
  key = (await make("/v1/admin/keys", { projectId: project, kind: "public" })).key;
});

afterAll(async () => {
  await pipeline?.remove();
});

async function post(
  path: string,
  body: object,
  headers: Record<string, string> = {},
): Promise<Record<string, unknown>> {
  const answer = await fetch(`${pipeline.origin}${path}`, {
    method: "POST",
    headers: { Authorization: `Bearer ${key}`, ...headers },
    body: JSON.stringify(body),
  });
  return (await answer.json()) as Record<string, unknown>;
}

/** Every text of every place. */
async function everything(): Promise<Map<string, string>> {
  const { endpoints } = pipeline;
  const found = new Map<string, string>();
  for (const stream of Object.values(STREAMS)) found.set(stream, await readStream(endpoints.kinesis, stream));
  const dynamodb = new DynamoDBClient({ ...LOCAL, endpoint: endpoints.dynamodb });
  for (const TableName of ["behaviour-hot", "behaviour-vault", "behaviour-ledger"]) {
    let text = "";
    for await (const page of paginateScan({ client: dynamodb }, { TableName })) text += JSON.stringify(page.Items);
    found.set(TableName, text);
  }
  dynamodb.destroy();
  const sql = postgres(endpoints.database, { max: 1, onnotice: () => {} });
  found.set("timescaledb", JSON.stringify(await sql`select * from events`));
  await sql.end();
  found.set("s3", JSON.stringify(await queryCold(endpoints, project, "select * from events")));
  // Files that can be searched as they are: the shards' SQLite, logs, and all others. The frames in SQLite are gzip, and the
  // stream has their content.
  for (const entry of readdirSync(pipeline.dataDir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    try {
      found.set(path.slice(pipeline.dataDir.length), readFileSync(path, "latin1"));
    } catch {
      // The file was deleted after it was listed.
    }
  }
  return found;
}

async function readStream(endpoint: string, stream: string): Promise<string> {
  const reader = new StreamReader(endpoint, stream);
  let text = "";
  for await (const { data } of reader.readOn()) for (const line of decodeFrame(data)) text += line.text;
  reader.close();
  return text;
}

function placesOf(canary: string, all: Map<string, string>): string[] {
  return [...all].filter(([, text]) => text.includes(canary)).map(([place]) => place);
}

describe("data that consent forbids", () => {
  const canary = { accepted: "", dropped: "", restricted: "", cookieless: "", last: "" };
  for (const name of Object.keys(canary))
    canary[name as keyof typeof canary] = `canary${randomUUID().replaceAll("-", "")}`;
  const event = (name: keyof typeof canary, change: object = {}) => ({
    event: "Seen",
    anonymousId: `${canary[name]}-device`,
    messageId: randomUUID(),
    properties: { note: `${canary[name]}-value` },
    context: { page: { url: `https://shop.example/?gclid=${canary[name]}-click` } },
    ...change,
  });

  it("are recognized at the edge", async () => {
    const grant = (name: keyof typeof canary, purposes: object) =>
      post("/v1/consent", { anonymousId: `${canary[name]}-device`, purposes, method: "test" });
    await grant("accepted", { analytics: "granted", advertising: "granted" });
    await grant("restricted", { analytics: "granted", advertising: "denied" });
    expect(await post("/v1/track", event("accepted"))).toMatchObject({ accepted: 1 });
    expect(await post("/v1/track", event("restricted"))).toMatchObject({ accepted: 1 });
    expect(await post("/v1/track", event("dropped"))).toMatchObject({ accepted: 0, suppressed: 1 });
    const settings = JSON.stringify({ settings: { whenAnalyticsDenied: "cookieless" } });
    await pipeline.read(`/v1/admin/projects/${project}`, { method: "PATCH", body: settings });
    const deadline = Date.now() + 15_000;
    let answer: Record<string, unknown> = {};
    while (answer.accepted !== 1 && Date.now() < deadline) answer = await post("/v1/track", event("cookieless"));
    expect(answer).toMatchObject({ accepted: 1 });
  });

  it("are in no place, and allowed data are where they belong", async () => {
    const deadline = Date.now() + 60_000;
    let all = await everything();
    const isThere = (name: keyof typeof canary, place: string) =>
      (all.get(place) ?? "").includes(`${canary[name]}-value`);
    while (!(isThere("cookieless", "s3") && isThere("cookieless", "timescaledb")) && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      all = await everything();
    }
    // The search finds data that are present.
    for (const place of ["behaviour-raw", "behaviour-enriched", "timescaledb", "s3"]) {
      expect(isThere("accepted", place), `accepted in ${place}`).toBe(true);
      expect(isThere("restricted", place), `restricted in ${place}`).toBe(true);
      expect(isThere("cookieless", place), `cookieless in ${place}`).toBe(true);
    }
    expect((all.get("timescaledb") ?? "").includes(`${canary.accepted}-click`)).toBe(true);
    // Dropped: no trace of the event in any place.
    expect(placesOf(canary.dropped, all)).toEqual([]);
    // Cookieless: nothing that identifies the device. (The event that was sent before the setting was known was dropped, as
    // above.)
    expect(placesOf(`${canary.cookieless}-device`, all)).toEqual([]);
    // Restricted: no click id after the processor.
    expect(placesOf(`${canary.restricted}-click`, all)).not.toContain("timescaledb");
    expect(placesOf(`${canary.restricted}-click`, all)).not.toContain("s3");
    expect(placesOf(`${canary.restricted}-click`, all)).not.toContain("behaviour-enriched");
    // Pseudonyms: no client id after the processor, and no value in a log.
    for (const place of ["behaviour-enriched", "behaviour-hot", "behaviour-vault", "timescaledb", "s3"]) {
      expect(placesOf(`${canary.accepted}-device`, all)).not.toContain(place);
    }
    expect(placesOf(canary.accepted, all).filter((place) => place.startsWith("/logs"))).toEqual([]);
  });
});
