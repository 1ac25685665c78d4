// The one key that the benchmarks' Worker knows.

import { type KeyRecord, PUBLIC_SCOPES } from "@behaviour/contract";

export function benchKeyRecord(shards: number): KeyRecord {
  return {
    id: "benchmark",
    project: "benchmark",
    kind: "public",
    environment: "live",
    scopes: [...PUBLIC_SCOPES],
    origins: [],
    cidrs: [],
    rateLimit: 10_000_000,
    notBefore: null,
    notAfter: null,
    revokedAt: null,
    shards,
    // Loopback has no country: opt-in would drop everything for want of consent.
    settings: { consentRegime: "opt-out" },
  };
}
