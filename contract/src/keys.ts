// API keys: their text format, their checksum, and the record the edge decides by. docs/API_DOCUMENTATION.md#keys.
// A mistyped key fails the checksum and costs no look-up; only the SHA-256 of a key is ever stored.

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

/** What a public key may do, and all it may ever do. */
export const PUBLIC_SCOPES: readonly Scope[] = ["write", "consent"];

/**
 * What the control plane pushes to KV under `key:<sha256>`, and all the edge needs to judge a request.
 * Times are epoch milliseconds; `rateLimit` is events per second; empty `origins` or `cidrs` restrict nothing.
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
  /** How many shards this project is spread over in each region. */
  shards: z.number(),
  /** What the project chose. */
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

/** @returns null for anything whose form or checksum is wrong. */
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
