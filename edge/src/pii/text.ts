// One string without its personal data. Class by class, credentials first: what a parameter holds is of the parameter's class,
// whatever it looks like. Every search reads the text's characters a bounded number of times. Masking twice changes nothing.
// docs/API_DOCUMENTATION.md#sending-events, E7.

import { plainText, replaceRanges } from "@behaviour/contract";
import { findCards } from "./card.ts";
import { ALL_PII, BITS_OF, maskOf, NO_PII, type PiiClass, type PiiRange } from "./classes.ts";
import { findCredentials } from "./credential.ts";
import { findEmails } from "./email.ts";
import { textMayHold } from "./hints.ts";
import { findTokens } from "./token.ts";

export interface Redacted {
  text: string;
  /** In the order they were looked for; each once. */
  classes: PiiClass[];
}

/** A mask may make something of what stood beside it; a third round has never found anything. */
const ROUNDS_MAX = 4;

/** @param bits what is looked for; @returns null when nothing was found: almost always. */
export function redactText(sent: string, bits: number = ALL_PII): Redacted | null {
  const classes: PiiClass[] = [];
  let text = sent;
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const masked = maskOnce(text, bits, classes);
    if (masked === text) break;
    text = masked;
  }
  return classes.length === 0 ? null : { text, classes };
}

/** @param classes gets those that were found */
function maskOnce(sent: string, bits: number, classes: PiiClass[]): string {
  let wanted = textMayHold(sent, bits);
  if (wanted === NO_PII) return sent;
  let text = sent;
  let plain = plainText(text);
  for (const piiClass of ORDER) {
    const sought = wanted & BITS_OF[piiClass];
    if (sought === NO_PII) continue;
    const ranges = FINDERS[piiClass](plain, sought);
    if (ranges.length === 0) continue;
    text = replaceRanges(text, plain, inOrder(ranges));
    plain = plainText(text);
    if (!classes.includes(piiClass)) classes.push(piiClass);
    // A card's digits may come to stand alone when what was around them went.
    wanted = textMayHold(text, bits);
  }
  return text;
}

const ORDER: readonly PiiClass[] = ["credential", "token", "email", "card"];

const FINDERS: Readonly<Record<PiiClass, (text: ReturnType<typeof plainText>, bits: number) => PiiRange[]>> = {
  credential: findCredentials,
  token: ({ plain }) => findTokens(plain),
  email: ({ plain }) => findEmails(plain),
  card: ({ plain }) => findCards(plain),
};

/** By their beginning; one that begins in another goes with it. */
function inOrder(ranges: PiiRange[]): PiiRange[] {
  if (ranges.length === 1) return ranges;
  const sorted = ranges.sort((a, b) => a.start - b.start || b.end - a.end);
  const kept: PiiRange[] = [];
  for (const range of sorted) {
    const last = kept.at(-1);
    if (last === undefined || range.start >= last.end) kept.push(range);
    else last.end = Math.max(last.end, range.end);
  }
  return kept;
}

/** The whole string as one mask: for a request that has had its share of close looks. */
export function maskWhole(bits: number): Redacted {
  // An `@` may be an address's or a password's: the first is far more common.
  const piiClass = (["email", "token", "card"] as const).find((one) => (bits & BITS_OF[one]) !== 0) ?? "credential";
  return { text: maskOf(piiClass), classes: [piiClass] };
}
