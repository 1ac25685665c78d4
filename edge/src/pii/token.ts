// Finds tokens and keys by their fixed beginning. A native search finds the rarest part (`.eyJ`, `AKIA`, `_live_` …), and the
// rest is read character by character. No character is read twice, so the cost is linear in the text's length.

import { maskOf, type PiiRange } from "./classes.ts";
import { DASH, isAlphanumeric, isBase64UrlUnit, isDigit, isUpper, UNDERSCORE, unitAt } from "./units.ts";

const MASK = maskOf("token");

/** @param plain without percent-encoding; @returns unordered ranges, which may overlap */
export function findTokens(plain: string): PiiRange[] {
  const ranges: PiiRange[] = [];
  findJwts(plain, ranges);
  findPrivateKeys(plain, ranges);
  for (const { rare, find } of KEYS) {
    for (let at = plain.indexOf(rare); at >= 0; ) {
      const key = find(plain, at);
      if (key !== null) ranges.push(key);
      // A part of this key does not begin another key.
      at = plain.indexOf(rare, Math.max(at + rare.length, key?.end ?? 0));
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

/** Header and payload of a JSON Web Token begin with `{"`, which is `eyJ` in base64url. `.eyJ`, the payload's start, is rare. */
function findJwts(plain: string, ranges: PiiRange[]): void {
  let done = 0;
  for (let dot = plain.indexOf(".eyJ"); dot >= 0; dot = plain.indexOf(".eyJ", Math.max(dot + 1, done))) {
    let first = dot;
    while (first > done && isBase64UrlUnit(plain.charCodeAt(first - 1))) first--;
    const start = plain.slice(first, dot).indexOf("eyJ");
    if (start < 0 || dot - first - start < JWT_HEADER_MIN) continue;
    const payloadEnd = endOf(plain, dot + 1, isBase64UrlUnit);
    if (payloadEnd - dot - 1 < JWT_PAYLOAD_MIN) continue;
    const hasSignature = plain[payloadEnd] === "." && isBase64UrlUnit(unitAt(plain, payloadEnd + 1));
    done = hasSignature ? endOf(plain, payloadEnd + 1, isBase64UrlUnit) : payloadEnd;
    ranges.push({ start: first + start, end: done, by: MASK });
  }
}

const PEM_BEGIN = "-----BEGIN ";
const PEM_END = "-----END ";
const PEM_KIND_MAX = 48;

/** Finds private keys in PEM, up to the end of the key or of the text. */
function findPrivateKeys(plain: string, ranges: PiiRange[]): void {
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
  /** @param at the position of `rare` */
  find: (plain: string, at: number) => PiiRange | null;
}

const KEYS: readonly KeyKind[] = [
  // AWS access key ids.
  { rare: "AKIA", find: findCloudKey },
  { rare: "ASIA", find: findCloudKey },
  // Google API keys.
  { rare: "AIza", find: findGoogleKey },
  // Keys of Stripe's form, our own among them.
  { rare: "k_live_", find: findLiveKey },
  { rare: "k_test_", find: findLiveKey },
  // GitHub: `ghp_`, `gho_`, `ghu_`, `ghs_`, `ghr_`.
  ...["p", "o", "u", "s", "r"].map((kind) => ({
    rare: `gh${kind}_`,
    find: (plain: string, at: number) => wordAt(plain, at, at + 4, isAlphanumeric, 36),
  })),
  { rare: "github_pat_", find: (plain, at) => wordAt(plain, at, at + 11, isGithubUnit, 22) },
  // Slack: `xoxb-`, `xoxp-` …
  { rare: "xox", find: findSlackKey },
];

/** A run of `isKind` from `from` on that is at least as long as a key, without a letter or digit before it. */
function wordAt(
  plain: string,
  start: number,
  from: number,
  isKind: (unit: number) => boolean,
  lengthMin: number,
): PiiRange | null {
  if (isAlphanumeric(unitAt(plain, start - 1))) return null;
  const end = endOf(plain, from, isKind);
  return end - from < lengthMin ? null : { start, end, by: MASK };
}

function isGithubUnit(unit: number): boolean {
  return isAlphanumeric(unit) || unit === UNDERSCORE;
}

const CLOUD_KEY_LENGTH = 20;

/** Exactly sixteen capitals and digits. */
function findCloudKey(plain: string, at: number): PiiRange | null {
  const end = at + CLOUD_KEY_LENGTH;
  if (isAlphanumeric(unitAt(plain, at - 1)) || isAlphanumeric(unitAt(plain, end))) return null;
  return isRun(plain, at, end, (unit) => isDigit(unit) || isUpper(unit)) ? { start: at, end, by: MASK } : null;
}

const GOOGLE_KEY_LENGTH = 39;

function findGoogleKey(plain: string, at: number): PiiRange | null {
  const end = at + GOOGLE_KEY_LENGTH;
  if (isBase64UrlUnit(unitAt(plain, end))) return null;
  return isRun(plain, at, end, isBase64UrlUnit) ? { start: at, end, by: MASK } : null;
}

function isRun(plain: string, start: number, end: number, isKind: (unit: number) => boolean): boolean {
  for (let at = start; at < end; at++) if (!isKind(unitAt(plain, at))) return false;
  return true;
}

/** `sk_live_`, `rk_test_`. */
function findLiveKey(plain: string, at: number): PiiRange | null {
  const first = unitAt(plain, at - 1);
  if (first !== 0x73 && first !== 0x72) return null;
  return wordAt(plain, at - 1, at + 7, isAlphanumeric, 16);
}

function findSlackKey(plain: string, at: number): PiiRange | null {
  if (!"abeprs".includes(plain[at + 3] ?? "-") || plain[at + 4] !== "-") return null;
  return wordAt(plain, at, at + 5, (unit) => isAlphanumeric(unit) || unit === DASH, 10);
}
