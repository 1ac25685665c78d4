// Defines API keys: their text format, their checksum, and the record that the edge decides by. A mistyped key fails the checksum
// and costs no look-up. Only the SHA-256 of a key is stored. docs/API_DOCUMENTATION.md#keys.

import { createHash, randomInt } from "node:crypto";
import { crc32 } from "node:zlib";
import * as z from "zod/mini";
import { ProjectSettings } from "./settings.ts";

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM_LENGTH = 30;
const CHECKSUM_LENGTH = 6;
const FORMAT = /^(pk|sk)_(live|test)_([0-9A-Za-z]{36})$/;

export type KeyKind = "public" | "secret";
export type KeyEnvironment = "live" | "test";

export const SCOPES = ["write", "consent", "read", "admin", "privacy"] as const;
export type Scope = (typeof SCOPES)[number];

/** The only scopes that a public key may have. */
export const PUBLIC_SCOPES: readonly Scope[] = ["write", "consent"];

/**
 * The record that the control plane writes to KV under `key:<sha256>`, with all that the edge needs to judge a request.
 * Times are epoch milliseconds. `rateLimit` is in events per second. Empty `origins` or `cidrs` do not restrict the key.
 */
export const KeyRecord = z.object({
  id: z.string(),
  project: z.string(),
  kind: z.enum(["public", "secret"]),
  environment: z.enum(["live", "test"]),
  scopes: z.array(z.enum(SCOPES)),
  origins: z.array(z.string()),
  cidrs: z.array(z.string()),
  rateLimit: z.number(),
  notBefore: z.nullable(z.number()),
  notAfter: z.nullable(z.number()),
  revokedAt: z.nullable(z.number()),
  /** Number of the project's shards in each region. */
  shards: z.number(),
  /** The project's settings. */
  settings: z._default(ProjectSettings, {}),
});
export type KeyRecord = z.infer<typeof KeyRecord>;

export interface ParsedKey {
  kind: KeyKind;
  environment: KeyEnvironment;
}

function checksum(text: string): string {
  let value = crc32(text);
  let digits = "";
  while (value > 0) {
    digits = ALPHABET.charAt(value % 62) + digits;
    value = Math.floor(value / 62);
  }
  return digits.padStart(CHECKSUM_LENGTH, "0");
}

/** @returns null if the form or the checksum is wrong. */
export function parseKey(key: string): ParsedKey | null {
  const match = FORMAT.exec(key);
  if (match === null) return null;
  if (checksum(key.slice(0, -CHECKSUM_LENGTH)) !== key.slice(-CHECKSUM_LENGTH)) return null;
  return { kind: match[1] === "pk" ? "public" : "secret", environment: match[2] as KeyEnvironment };
}

export function generateKey(kind: KeyKind, environment: KeyEnvironment): string {
  let text = `${kind === "public" ? "pk" : "sk"}_${environment}_`;
  for (let i = 0; i < RANDOM_LENGTH; i++) text += ALPHABET.charAt(randomInt(ALPHABET.length));
  return text + checksum(text);
}

/** Hex SHA-256: the only form in which a key is stored. */
export function hashKey(key: string): string {
  return createHash("sha256").update(key).digest("hex");
}
