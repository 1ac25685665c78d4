// What the Worker and a shard say to each other: an append, the answer to it, and what the Worker counted itself.

import type { ConsentChange, ConsentClaim } from "./consent-claim.ts";
import type { RateClaim } from "./rate-limit.ts";
import type { AcceptedMember } from "./store.ts";

export interface AppendInput extends AcceptedMember {
  /** Epoch milliseconds: none of the messages was first sent before. */
  oldestMs: number;
  claim: ConsentClaim;
  rate: RateClaim;
}

/** Of one request; `drops` by `<regime>/<purpose>:<source>`. */
export interface WorkerReport {
  receivedAtMs: number;
  rejected: number;
  /** Copies within the request itself. */
  repeated: number;
  drops: readonly { reason: string; events: number }[];
}

export type AppendAnswer =
  /** `watched`: somebody looks at the live tail. */
  | { outcome: "stored"; watched: boolean }
  /**
   * Nothing was stored: the duplicates are known (and durable), the changes are what the ledger makes of others. Pack again
   * without the ones and with the other outcome of the others; `needsSubjects`: and with the events' ids, `needsLegacy`: under
   * their old names as well.
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
