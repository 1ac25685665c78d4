// What the Worker is given: bindings (wrangler.toml), vars and secrets (`.dev.vars`, `wrangler secret put`).

import type { EndedSessions } from "./access/ended-sessions.ts";
import type { DailySalt } from "./consent/salt.ts";
import type { ConsentLedger } from "./ledger/home.ts";
import type { LiveTail } from "./live/live-tail.ts";
import type { ShardDirectory } from "./placement/directory.ts";
import type { RateLimiter } from "./shard/rate-limiter.ts";
import type { BufferShard } from "./shard/shard.ts";

export interface Env {
  SHARD: DurableObjectNamespace<BufferShard>;
  /** The consent ledger of each project: `<project>:<home>`. */
  LEDGER: DurableObjectNamespace<ConsentLedger>;
  DIRECTORY: DurableObjectNamespace<ShardDirectory>;
  /** The limit of each key in each region, for projects of several shards: `<project>:<region>:<key id>`. */
  LIMITER: DurableObjectNamespace<RateLimiter>;
  /** One object, which keeps the daily salt of cookieless mode. */
  SALT: DurableObjectNamespace<DailySalt>;
  /** Sessions that were ended, by their key. */
  SESSIONS: DurableObjectNamespace<EndedSessions>;
  /** The live tail of each project, by its id. */
  LIVE: DurableObjectNamespace<LiveTail>;
  /** What is known of each API key (contract `keyRecordName`); the control plane pushes it. */
  KEYS: KVNamespace;
  /** The dashboard, the demo page and the browser SDK. */
  ASSETS?: Fetcher;

  /** Where the objects must lie (placement/jurisdiction.ts); anywhere when empty. Never changes once there is data. */
  JURISDICTION?: string;
  AWS_REGION: string;
  AWS_ACCESS_KEY_ID: string;
  AWS_SECRET_ACCESS_KEY: string;
  AWS_SESSION_TOKEN?: string;
  /** Defaults to the region's public endpoint. */
  KINESIS_ENDPOINT?: string;
  RAW_STREAM: string;
  /** Where shards flush while the primary region's stream takes nothing (E13); the same stream name there. */
  SECONDARY_AWS_REGION?: string;
  SECONDARY_KINESIS_ENDPOINT?: string;
  /** The primary's when absent. */
  SECONDARY_AWS_ACCESS_KEY_ID?: string;
  SECONDARY_AWS_SECRET_ACCESS_KEY?: string;
  /** The query Lambda's function URL; without it nothing can be read and unknown keys are refused. */
  QUERY_ENDPOINT?: string;
  /** Opens the internal routes to the control plane; at least 32 characters. */
  INTERNAL_SECRET?: string;
  /** Signs the dashboard's session cookie; at least 32 characters. */
  SESSION_SECRET?: string;
  /**
   * Keys the hashes under which the consent ledger files ids; at least 32 characters, and never another: with another value no
   * recorded refusal is found any more. Without it consent can't be recorded or read.
   */
  LEDGER_SECRET?: string;
  /** The public key that the demo page sends with. */
  DEMO_WRITE_KEY?: string;
}
