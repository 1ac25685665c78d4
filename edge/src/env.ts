// What the Worker is given. wrangler.toml says which bindings, variables and secrets a deployment has
// (`Bindings` in bindings.generated.d.ts). Here stands what wrangler.toml cannot say: which of them a run may lack, and secrets that
// no deployment needs.

/** One machine runs without them: the stages that need one of them say so. */
type Optional =
  /** Where the objects must lie (placement/jurisdiction.ts); anywhere when empty. Never changes once there is data. */
  | "JURISDICTION"
  /** The query Lambda's function URL. Without it nothing can be read and unknown keys are refused. */
  | "QUERY_ENDPOINT"
  /** Opens the internal routes to the control plane; at least 32 characters. */
  | "INTERNAL_SECRET"
  /** Signs the dashboard's session cookie; at least 32 characters. */
  | "SESSION_SECRET"
  /**
   * Keys the hashes under which the consent ledger files ids; at least 32 characters. It never changes: with another value no
   * recorded refusal is found any more. Without it consent can't be recorded or read.
   */
  | "LEDGER_SECRET";

/**
 * Names of objects: SHARD `<project>:<region>:<index>`, LEDGER `<project>:<home>`, LIMITER `<project>:<region>:<key id>`, LIVE
 * `<project>`, SESSIONS `sessions:<index>`, DIRECTORY `shards:<index>`, SALT `salt`. KEYS holds a record for each API key (contract
 * `keyRecordName`), which the control plane pushes.
 */
export interface Env extends Omit<Bindings, Optional>, Partial<Pick<Bindings, Optional>> {
  /** The dashboard, the demo page and the browser SDK. Environments inherit it, and `wrangler types` leaves it out. */
  ASSETS?: Fetcher;
  AWS_SESSION_TOKEN?: string;
  /** Defaults to the region's public endpoint. */
  KINESIS_ENDPOINT?: string;
  /** Where shards flush while the primary region's stream takes nothing (E13); the same stream name there. */
  SECONDARY_AWS_REGION?: string;
  SECONDARY_KINESIS_ENDPOINT?: string;
  /** The primary's when absent. */
  SECONDARY_AWS_ACCESS_KEY_ID?: string;
  SECONDARY_AWS_SECRET_ACCESS_KEY?: string;
  /** The public key that the demo page sends with. */
  DEMO_WRITE_KEY?: string;
}
