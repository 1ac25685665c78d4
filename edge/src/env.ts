// Types the Worker's environment. wrangler.toml lists the bindings, variables and secrets of a deployment (`Bindings` in
// bindings.generated.d.ts). This file adds what wrangler.toml can't express: which of them a run may lack, and secrets that no
// deployment needs.

/** A run on one machine may lack these. A stage that needs a missing value reports it. */
type Optional =
  /** Where the objects must be stored (placement/jurisdiction.ts); anywhere if empty. It must not change once data exist. */
  | "JURISDICTION"
  /** The query Lambda's function URL. Without it nothing can be read and unknown keys are refused. */
  | "QUERY_ENDPOINT"
  /** Opens the internal routes to the control plane; at least 32 characters. */
  | "INTERNAL_SECRET"
  /** Signs the dashboard's session cookie; at least 32 characters. */
  | "SESSION_SECRET"
  /**
   * Keys the hashes under which the consent ledger files ids; at least 32 characters. It must not change, because with another
   * value no recorded refusal is found any more. Without it consent can't be recorded or read.
   */
  | "LEDGER_SECRET";

/**
 * Names of objects: SHARD `<project>:<region>:<index>`, LEDGER `<project>:<home>`, LIMITER `<project>:<region>:<key id>`, LIVE
 * `<project>`, SESSIONS `sessions:<index>`, DIRECTORY `shards:<index>`, SALT `salt`. KEYS holds a record for each API key (contract
 * `keyRecordName`), which the control plane pushes.
 */
export interface Env extends Omit<Bindings, Optional>, Partial<Pick<Bindings, Optional>> {
  /** The dashboard, the demo page and the browser SDK. Environments inherit the binding, and `wrangler types` omits it. */
  ASSETS?: Fetcher;
  AWS_SESSION_TOKEN?: string;
  /** Defaults to the region's public endpoint. */
  KINESIS_ENDPOINT?: string;
  /** Where shards flush while the primary region's stream accepts nothing (E13). The stream has the same name there. */
  SECONDARY_AWS_REGION?: string;
  SECONDARY_KINESIS_ENDPOINT?: string;
  /** Defaults to the primary region's key. */
  SECONDARY_AWS_ACCESS_KEY_ID?: string;
  SECONDARY_AWS_SECRET_ACCESS_KEY?: string;
  /** The public key that the demo page sends with. */
  DEMO_WRITE_KEY?: string;
}
