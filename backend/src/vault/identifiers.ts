// Computes the vault's key of an id: an HMAC, by project and kind. So neither the table nor its keys hold anything that a
// client sent. E10.

import { createHmac } from "node:crypto";

export type VaultIdKind = "user" | "anonymous" | "group";

export interface VaultId {
  project: string;
  kind: VaultIdKind;
  id: string;
}

/** The partition key of an id's item: `<project>#<hex HMAC-SHA256>`. */
export function vaultKey(hmacKey: string, { project, kind, id }: VaultId): string {
  return `${project}#${createHmac("sha256", hmacKey).update(`${project}|${kind}|${id}`).digest("hex")}`;
}

/** The name of an id in this process's memory; never stored. */
export function memoryKey({ project, kind, id }: VaultId): string {
  return `${project}\u0000${kind}\u0000${id}`;
}
