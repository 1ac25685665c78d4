// Defines the classes of personal data that the edge finds. Each is a bit, so that a set of classes is one number.

import type { EdgePiiClass } from "@behaviour/contract";

export type PiiClass = EdgePiiClass;

export const PII = {
  /** A parameter of an address that holds personal data or a secret. */
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

/** The place of personal data in a text without escapes. */
export interface PiiRange {
  start: number;
  end: number;
  by: string;
}
