// Masks the personal data of one string, class by class, credentials first: the value of a parameter has the parameter's class,
// whatever it looks like. Every search reads each character a bounded number of times. A second masking changes nothing.
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
  /** Each class once, in the order of the searches. */
  classes: PiiClass[];
}

/** A mask can turn the text beside it into personal data, so the text is searched again. No third round has ever found any. */
const ROUNDS_MAX = 4;

/** @param bits the classes to search for; @returns null if nothing was found, which is almost always the case. */
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

/** @param classes the found classes are added to it */
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
    // A card's digits can become separate when the text around them is masked.
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

/** Sorts ranges by their start. A range that starts within another is joined to it. */
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

/** Replaces the whole string by one mask, for a request that has used its budget of thorough searches. */
export function maskWhole(bits: number): Redacted {
  // An `@` belongs to an e-mail address far more often than to a password.
  const piiClass = (["email", "token", "card"] as const).find((one) => (bits & BITS_OF[one]) !== 0) ?? "credential";
  return { text: maskOf(piiClass), classes: [piiClass] };
}
