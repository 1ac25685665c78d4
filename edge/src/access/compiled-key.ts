// Prepares a key's record for requests: CIDRs and origins are parsed once, when the record is read.

import type { KeyRecord } from "@behaviour/contract";
import { compileNetworks, type Networks } from "./address.ts";
import { type AllowedOrigins, compileOrigins } from "./origin.ts";

export interface CompiledKey extends KeyRecord {
  /** Hex SHA-256 of the key. */
  readonly hash: string;
  /** Null when the key may be used from every address. */
  readonly networks: Networks | null;
  /** Null when the key may be used from every page. */
  readonly allowedOrigins: AllowedOrigins | null;
}

export function compileKey(record: KeyRecord, hash: string): CompiledKey {
  return {
    ...record,
    hash,
    networks: compileNetworks(record.cidrs),
    allowedOrigins: compileOrigins(record.origins),
  };
}
