// Provides the query tests with a migrated database, events in it, and the query API in front of it.

import type { Hono } from "hono";
import { startPostgres } from "../../../local/index.ts";
import { type QueryParts, queryApp } from "../../src/api/app.ts";
import { readConfig } from "../../src/config.ts";
import { connect, databaseClient, type Sql } from "../../src/database/client.ts";
import { migrateDatabase } from "../../src/database/migrate.ts";
import type { EdgePush, NamedRecord } from "../../src/outbound/edge.ts";
import { CursorSigner } from "../../src/query/cursor.ts";

export interface StoredEvent {
  project?: string;
  messageId?: string;
  time: string | number;
  type?: string;
  event?: string | null;
  subject?: string;
  anonymousSubject?: string | null;
  path?: string | null;
  country?: string | null;
  properties?: Record<string, unknown>;
}

export interface Warehouse {
  url: string;
  sql: Sql;
  app: Hono;
  /** The records pushed to the edge, in order. */
  pushed: NamedRecord[];
  faults: unknown[];
  parts: QueryParts;
  store(events: readonly StoredEvent[]): Promise<void>;
  get(path: string, headers?: Record<string, string>): Promise<{ status: number; body: any; headers: Headers }>;
  send(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<{ status: number; body: any }>;
  stop(): Promise<void>;
}

export const PROJECT = "p_test";
export const CALLER = {
  "x-project": PROJECT,
  "x-key-id": "k_test",
  "x-scopes": "write consent read admin privacy",
  "x-request-id": "r_test",
};

const NOTHING_REPLAYED = { examined: 0, replayed: 0, alreadyReplayed: 0, arrived: 0, notReplayable: 0 };

let lastMessage = 0;

export async function openWarehouse(overrides: Partial<QueryParts> = {}): Promise<Warehouse> {
  const postgres = await startPostgres();
  await migrateDatabase(postgres.url);
  const config = readConfig({ DATABASE_URL: postgres.url, DATABASE_CONNECTIONS: "1" });
  const sql = connect(postgres.url, 1);
  const database = databaseClient(config);
  const pushed: NamedRecord[] = [];
  const faults: unknown[] = [];
  const edge: EdgePush = { push: async (records) => pushed.push(...records) > 0 };
  const parts: QueryParts = {
    sql,
    database,
    edge,
    undelivered: { keys: async function* () {}, read: async () => null },
    alerts: { send: async () => ({ delivered: true }), signingKey: "a secret of at least thirty-two characters" },
    cursors: new CursorSigner("a secret of at least thirty-two characters"),
    lookupSubjects: async () => ({ subject: null, anonymousSubject: null }),
    tiers: [],
    failedEvents: { list: async () => [], survey: async () => ({ events: [], counts: {}, complete: true }) },
    replays: { read: async () => new Map() },
    replayer: { run: async () => ({ counts: NOTHING_REPLAYED, next: null }) },
    plans: { publish: async () => {} },
    readRealtime: async () => ({ activeUsers: 0, perMinute: [], topEvents: [], topPages: [], countries: [] }),
    report: (fault) => {
      faults.push(fault);
      if (process.env["SHOW_FAULTS"] !== undefined) console.error(fault);
    },
    nowMs: () => Date.now(),
    ...overrides,
  };
  const app = queryApp(parts);
  const call: Warehouse["send"] = async (method, path, body, headers = {}) => {
    const init: RequestInit = { method, headers: { ...CALLER, ...headers } };
    if (body !== undefined) init.body = typeof body === "string" ? body : JSON.stringify(body);
    const response = await app.request(path, init);
    const text = await response.text();
    const type = response.headers.get("content-type") ?? "";
    return {
      status: response.status,
      body: type.includes("/json") ? JSON.parse(text) : text,
      headers: response.headers,
    };
  };
  return {
    url: postgres.url,
    sql,
    app,
    pushed,
    faults,
    parts,
    store: (events) => insert(sql, events),
    get: (path, headers = {}) => call("GET", path, undefined, headers) as ReturnType<Warehouse["get"]>,
    send: call,
    stop: async () => {
      await Promise.all([sql.end({ timeout: 2 }), database.$client.end({ timeout: 2 })]);
      await postgres.stop();
    },
  };
}

async function insert(sql: Sql, events: readonly StoredEvent[]): Promise<void> {
  const rows = events.map((given) => {
    const time = new Date(given.time);
    const type = given.type ?? "track";
    const event = given.event === undefined ? (type === "track" ? "Clicked" : null) : given.event;
    return {
      project: given.project ?? PROJECT,
      message_id: given.messageId ?? `m-${String(++lastMessage).padStart(6, "0")}`,
      time,
      received_at: time,
      type,
      event,
      label: event ?? type,
      subject: given.subject ?? "s1",
      anonymous_subject: given.anonymousSubject ?? null,
      consent: "accept",
      path: given.path ?? null,
      country: given.country ?? null,
      is_bot: false,
      properties: sql.json((given.properties ?? {}) as never),
      traits: sql.json({}),
      context: sql.json({}),
      raw_shard: "shard-0",
      raw_position: String(lastMessage),
    };
  });
  for (let start = 0; start < rows.length; start += 500)
    await sql`insert into event ${sql(rows.slice(start, start + 500))}`;
}
