// Defines the Postgres tables that several features use: the warm tier's events (a TimescaleDB hypertable), projects, keys and
// the audit log. A feature's own tables are in the `schema.ts` of its folder. The features that Drizzle cannot express
// (hypertable, columnstore, retention, continuous aggregates, the view `events` and its reader's role) are in the custom
// migration beside the generated migrations. People read the view, never these tables.

import type { JsonObject, KeyEnvironment, KeyKind, PiiFinding, Scope } from "@behaviour/contract";
import { sql } from "drizzle-orm";
import { bigserial, boolean, index, integer, jsonb, pgTable, primaryKey, text, uniqueIndex } from "drizzle-orm/pg-core";
import { instant } from "./columns.ts";

/**
 * The warm tier's events. `label` is the text under which an event is counted: its name, else its type, cut to 200
 * characters so that an index can hold it (a page's name can be longer than an index entry). `raw_shard` and
 * `raw_position` tell which duplicate of a message the row is.
 */
export const event = pgTable(
  "event",
  {
    project: text("project").notNull(),
    messageId: text("message_id").notNull(),
    time: instant("time").notNull(),
    receivedAt: instant("received_at").notNull(),
    sentAt: instant("sent_at"),
    originalTimestamp: instant("original_timestamp"),
    type: text("type").notNull(),
    event: text("event"),
    subject: text("subject").notNull(),
    anonymousSubject: text("anonymous_subject"),
    groupSubject: text("group_subject"),
    previousSubject: text("previous_subject"),
    sessionId: text("session_id"),
    consent: text("consent").notNull(),
    url: text("url"),
    path: text("path"),
    title: text("title"),
    referrer: text("referrer"),
    referrerMedium: text("referrer_medium"),
    referrerSource: text("referrer_source"),
    country: text("country"),
    region: text("region"),
    city: text("city"),
    device: text("device"),
    os: text("os"),
    osVersion: text("os_version"),
    browser: text("browser"),
    browserVersion: text("browser_version"),
    isBot: boolean("is_bot").notNull(),
    utmSource: text("utm_source"),
    utmMedium: text("utm_medium"),
    utmCampaign: text("utm_campaign"),
    utmTerm: text("utm_term"),
    utmContent: text("utm_content"),
    library: text("library"),
    properties: jsonb("properties").$type<JsonObject>().notNull(),
    traits: jsonb("traits").$type<JsonObject>().notNull(),
    context: jsonb("context").$type<JsonObject>().notNull(),
    /** `[{"pointer","class"}]`: the values that were masked in the event. Null for nearly every event. */
    pii: jsonb("pii").$type<PiiFinding[]>(),
    label: text("label").notNull(),
    loadedAt: instant("loaded_at").notNull().defaultNow(),
    rawShard: text("raw_shard").notNull(),
    rawPosition: text("raw_position").notNull(),
  },
  (table) => [
    // A hypertable's unique key must contain its time. The first two columns also serve the search for one message.
    // All indexes are ascending. "Newest first" reads them backwards; an index with DESC NULLS LAST would not serve it.
    uniqueIndex("event_message").on(table.project, table.messageId, table.time),
    index("event_time").on(table.project, table.time),
    index("event_subject").on(table.project, table.subject, table.time),
    index("event_anonymous_subject").on(table.project, table.anonymousSubject, table.time),
    index("event_label").on(table.project, table.label, table.time),
  ],
);

/** The checkpoint in each shard of the raw stream, for each tier that keeps its checkpoints here. */
export const tierCheckpoint = pgTable(
  "tier_checkpoint",
  {
    tier: text("tier").notNull(),
    rawShard: text("raw_shard").notNull(),
    position: text("position").notNull(),
  },
  (table) => [primaryKey({ columns: [table.tier, table.rawShard] })],
);

/** Suspects that the warm tier loaded in the last minutes: they identify a message that they overtook. See tiers/warm. */
export const recentSuspect = pgTable(
  "recent_suspect",
  {
    project: text("project").notNull(),
    messageId: text("message_id").notNull(),
    loadedAt: instant("loaded_at").notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.project, table.messageId] }),
    index("recent_suspect_loaded").on(table.loadedAt),
  ],
);

export const project = pgTable("project", {
  /** `p_…`; the same text in every store. */
  id: text("id").primaryKey(),
  name: text("name").notNull(),
  settings: jsonb("settings").$type<JsonObject>().notNull().default({}),
  /** Buffer shards in each region. */
  shards: integer("shards").notNull().default(1),
  createdAt: instant("created_at").notNull().defaultNow(),
});

export const apiKey = pgTable(
  "api_key",
  {
    id: text("id").primaryKey(),
    project: text("project")
      .notNull()
      .references(() => project.id),
    kind: text("kind").$type<KeyKind>().notNull(),
    environment: text("environment").$type<KeyEnvironment>().notNull(),
    scopes: text("scopes").array().$type<Scope[]>().notNull(),
    origins: text("origins").array().notNull().default(sql`'{}'`),
    cidrs: text("cidrs").array().notNull().default(sql`'{}'`),
    /** Events per second. */
    rateLimit: integer("rate_limit").notNull(),
    notBefore: instant("not_before"),
    notAfter: instant("not_after"),
    revokedAt: instant("revoked_at"),
    /** Hex SHA-256: the key itself is shown once and stored nowhere. */
    keySha256: text("key_sha256").notNull(),
    /** The last four characters, so that people can tell keys apart. */
    hint: text("hint").notNull(),
    createdAt: instant("created_at").notNull().defaultNow(),
    /** Id of the key that replaced this key. */
    replacedBy: text("replaced_by"),
    /** Increases with each change of the key or its project that the edge needs. */
    revision: integer("revision").notNull().default(1),
    /** The revision that was last pushed to the edge. If it is below `revision`, a push is due (projects/push.ts). */
    pushedRevision: integer("pushed_revision").notNull().default(0),
  },
  (table) => [
    uniqueIndex("api_key_sha256").on(table.keySha256),
    index("api_key_project").on(table.project),
    index("api_key_unpushed").on(table.id).where(sql`pushed_revision < revision`),
  ],
);

/** Every administrative change and every read. Each row's `hash` covers the row before it: see audit/chain.ts. */
export const auditLog = pgTable(
  "audit_log",
  {
    id: bigserial("id", { mode: "number" }).primaryKey(),
    at: instant("at").notNull(),
    project: text("project").notNull(),
    /** Id of the API key that acted, never the key. */
    actor: text("actor").notNull(),
    action: text("action").notNull(),
    target: jsonb("target").$type<JsonObject>().notNull(),
    requestId: text("request_id").notNull(),
    previousHash: text("previous_hash").notNull(),
    hash: text("hash").notNull(),
  },
  (table) => [
    index("audit_log_project").on(table.project, table.at),
    // For the newest record of a project, whose hash the next record continues. Without it a quiet project's read walks the log of
    // all projects backwards.
    index("audit_log_chain").on(table.project, table.id),
  ],
);
