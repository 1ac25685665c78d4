// The only key that the benchmarks' Worker knows.

import { type KeyRecord, PUBLIC_SCOPES, SCOPES } from "@behaviour/contract";

export function benchKeyRecord(
  shards: number,
  kind: KeyRecord["kind"] = "public",
  serverShards: number | null = null,
): KeyRecord {
  return {
    id: "benchmark",
    project: "benchmark",
    kind,
    environment: "live",
    scopes: kind === "public" ? [...PUBLIC_SCOPES] : [...SCOPES],
    origins: [],
    cidrs: [],
    rateLimit: 10_000_000,
    notBefore: null,
    notAfter: null,
    revokedAt: null,
    shards,
    // Loopback has no country. With the regime opt-in every event without consent would be dropped.
    settings: { consentRegime: "opt-out", ...(serverShards === null ? {} : { serverShards }) },
  };
}
