// Defines the messages between the Worker and a shard: an append, its answer, and the counts of the Worker itself.

import type { ConsentChange, ConsentClaim } from "./consent-claim.ts";
import type { RateClaim } from "./rate-limit.ts";
import type { AcceptedMember } from "./store.ts";

export interface AppendInput extends AcceptedMember {
  /** Epoch milliseconds: no message was first sent before this time. */
  oldestMs: number;
  claim: ConsentClaim;
  rate: RateClaim;
}

/** Counts of one minute of receipt; `drops` by `<regime>/<purpose>:<source>`. */
export interface WorkerReport {
  receivedAtMs: number;
  rejected: number;
  /** Duplicates within one request. */
  repeated: number;
  drops: readonly { reason: string; events: number }[];
}

export type AppendAnswer =
  /** `watched`: the live tail has watchers. */
  | { outcome: "stored"; watched: boolean }
  /**
   * Nothing was stored. The duplicates are known (and durable). The changes are the ledger's outcomes for other events. Pack
   * again without the duplicates and with the changed outcomes. `needsSubjects`: also send the events' ids. `needsLegacy`: send
   * them under their old names too.
   */
  | {
      outcome: "again";
      duplicates: number[];
      changes: ConsentChange[];
      needsSubjects: boolean;
      needsLegacy?: true;
      watched: boolean;
    }
  | {
      outcome: "refused";
      code: "overloaded" | "unavailable" | "storage_full" | "rate_limited" | "invalid_api_key";
      retryAfterSeconds?: number;
    };
