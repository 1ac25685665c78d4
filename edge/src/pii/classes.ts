// The classes of personal data the edge finds, as bits: what a text may hold is one number.

import type { EdgePiiClass } from "@behaviour/contract";

export type PiiClass = EdgePiiClass;

export const PII = {
  /** A parameter of an address that is about a person or opens a door. */
  parameter: 1,
  /** User and password before an address's host. */
  userInfo: 2,
  token: 4,
  email: 8,
  card: 16,
} as const;

export const NO_PII = 0;
export const ALL_PII = PII.parameter | PII.userInfo | PII.token | PII.email | PII.card;

export const BITS_OF: Readonly<Record<PiiClass, number>> = {
  credential: PII.parameter | PII.userInfo,
  token: PII.token,
  email: PII.email,
  card: PII.card,
};

export function maskOf(piiClass: PiiClass): string {
  return `[${piiClass}]`;
}

/** What is found, in a text without escapes. */
export interface PiiRange {
  start: number;
  end: number;
  by: string;
}
