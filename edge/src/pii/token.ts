// Tokens and keys that give themselves away by how they begin. Each is found from its rarest part (`.eyJ`, `AKIA`, `_live_` …) by a
// native search, then read character by character; what was read once is not read again, so the cost grows with the text.

import { maskOf, type Range } from "./classes.ts";
import { isAlphanumeric, isBase64Url, isDigit, isUpper, unitAt } from "./units.ts";

const MASK = maskOf("token");

/** @param plain without percent-encoding; @returns in no order, and one may lie in another */
export function findTokens(plain: string): Range[] {
  const ranges: Range[] = [];
  findJwts(plain, ranges);
  findPrivateKeys(plain, ranges);
  for (const { rare, find } of KEYS) {
    for (let at = plain.indexOf(rare); at >= 0; at = plain.indexOf(rare, at + rare.length)) {
      const key = find(plain, at);
      if (key !== null) ranges.push(key);
    }
  }
  return ranges;
}

/** @returns the end of a run of units of one kind */
function endOf(text: string, start: number, isKind: (unit: number) => boolean): number {
  let end = start;
  while (end < text.length && isKind(text.charCodeAt(end))) end++;
  return end;
}

const JWT_HEADER_MIN = 11;
const JWT_PAYLOAD_MIN = 7;

/** Header and payload of a JSON Web Token are base64url of `{"`: `eyJ`. The payload's begins after a full stop, which is rare. */
function findJwts(plain: string, ranges: Range[]): void {
  let done = 0;
  for (let dot = plain.indexOf(".eyJ"); dot >= 0; dot = plain.indexOf(".eyJ", Math.max(dot + 1, done))) {
    let first = dot;
    while (first > done && isBase64Url(plain.charCodeAt(first - 1))) first--;
    const start = plain.slice(first, dot).indexOf("eyJ");
    if (start < 0 || dot - first - start < JWT_HEADER_MIN) continue;
    const payloadEnd = endOf(plain, dot + 1, isBase64Url);
    if (payloadEnd - dot - 1 < JWT_PAYLOAD_MIN) continue;
    const hasSignature = plain[payloadEnd] === "." && isBase64Url(unitAt(plain, payloadEnd + 1));
    done = hasSignature ? endOf(plain, payloadEnd + 1, isBase64Url) : payloadEnd;
    ranges.push({ start: first + start, end: done, by: MASK });
  }
}

const PEM_BEGIN = "-----BEGIN ";
const PEM_END = "-----END ";
const PEM_KIND_MAX = 48;

/** Private keys in PEM, up to their end or the text's. */
function findPrivateKeys(plain: string, ranges: Range[]): void {
  let done = 0;
  for (let at = plain.indexOf(PEM_BEGIN); at >= 0; at = plain.indexOf(PEM_BEGIN, Math.max(at + 1, done))) {
    if (!isPrivateKeyLine(plain, at + PEM_BEGIN.length)) continue;
    done = plain.length;
    for (let end = plain.indexOf(PEM_END, at); end >= 0; end = plain.indexOf(PEM_END, end + 1)) {
      if (!isPrivateKeyLine(plain, end + PEM_END.length)) continue;
      done = plain.indexOf("KEY-----", end) + "KEY-----".length;
      break;
    }
    ranges.push({ start: at, end: done, by: MASK });
  }
}

/** `RSA PRIVATE KEY-----` begins at `at`. */
function isPrivateKeyLine(plain: string, at: number): boolean {
  const line = plain.slice(at, at + PEM_KIND_MAX);
  const dashes = line.indexOf("-----");
  if (dashes < 0 || !line.slice(0, dashes).endsWith("PRIVATE KEY")) return false;
  for (let i = 0; i < dashes; i++) {
    const unit = line.charCodeAt(i);
    if (!isUpper(unit) && unit !== 0x20) return false;
  }
  return true;
}

interface KeyKind {
  rare: string;
  /** @param at where `rare` stands */
  find: (plain: string, at: number) => Range | null;
}

const KEYS: readonly KeyKind[] = [
  // AWS access key ids.
  { rare: "AKIA", find: findCloudKey },
  { rare: "ASIA", find: findCloudKey },
  // Google API keys.
  { rare: "AIza", find: (plain, at) => keyOf(plain, at, at + 4, isBase64Url, { min: 35, max: 35 }) },
  // Keys of Stripe's form, our own among them.
  { rare: "k_live_", find: findLiveKey },
  { rare: "k_test_", find: findLiveKey },
  // GitHub: `ghp_`, `gho_`, `ghu_`, `ghs_`, `ghr_`.
  ...["p", "o", "u", "s", "r"].map((kind) => ({
    rare: `gh${kind}_`,
    find: (plain: string, at: number) => wordAt(plain, at, at + 4, isAlphanumeric, { min: 36, max: 255 }),
  })),
  {
    rare: "github_pat_",
    find: (plain, at) =>
      wordAt(plain, at, at + 11, (unit) => isAlphanumeric(unit) || unit === 0x5f, { min: 22, max: 255 }),
  },
  // Slack: `xoxb-`, `xoxp-` …
  { rare: "xox", find: findSlackKey },
];

interface Length {
  min: number;
  max: number;
}

/** A run of `isKind` from `from`, when its length is a key's; a longer run is something else. */
function keyOf(
  plain: string,
  start: number,
  from: number,
  isKind: (unit: number) => boolean,
  length: Length,
): Range | null {
  let end = from;
  while (end < plain.length && end - from <= length.max && isKind(plain.charCodeAt(end))) end++;
  return end - from < length.min || end - from > length.max ? null : { start, end, by: MASK };
}

/** The same, where no letter or digit stands before it. */
function wordAt(
  plain: string,
  start: number,
  from: number,
  isKind: (unit: number) => boolean,
  length: Length,
): Range | null {
  return isAlphanumeric(unitAt(plain, start - 1)) ? null : keyOf(plain, start, from, isKind, length);
}

function findCloudKey(plain: string, at: number): Range | null {
  const key = wordAt(plain, at, at + 4, (unit) => isDigit(unit) || isUpper(unit), { min: 16, max: 16 });
  return key !== null && isAlphanumeric(unitAt(plain, key.end)) ? null : key;
}

/** `sk_live_`, `rk_test_`. */
function findLiveKey(plain: string, at: number): Range | null {
  const first = unitAt(plain, at - 1);
  if (first !== 0x73 && first !== 0x72) return null;
  return wordAt(plain, at - 1, at + 7, isAlphanumeric, { min: 16, max: 512 });
}

function findSlackKey(plain: string, at: number): Range | null {
  if (!"abeprs".includes(plain[at + 3] ?? "-") || plain[at + 4] !== "-") return null;
  const isKind = (unit: number) => isAlphanumeric(unit) || unit === 0x2d;
  return wordAt(plain, at, at + 5, isKind, { min: 10, max: 512 });
}
