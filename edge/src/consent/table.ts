// Consent where the ledger is: the shard knows the ledger and opens no frame, the Worker knows everything else. So the Worker
// sends, for each event, what becomes of it in each state the ledger can have, and what it was packed as; the shard looks the
// state up and stores, or answers which events must become something else. E2, E6.

import { CONSENT_OUTCOMES, type ConsentOutcome } from "@behaviour/contract";
import {
  type ConsentDecision,
  type ConsentPolicy,
  decideConsent,
  type PurposeVerdicts,
  type Regime,
  type Signals,
  type Verdict,
} from "./decide.ts";

const VERDICTS: readonly Verdict[] = ["unknown", "granted", "denied"];
/** States of the ledger: three verdicts on each of two purposes. */
export const LEDGER_STATES = VERDICTS.length ** 2;
/** Of an id the ledger does not know. */
export const UNKNOWN_STATE = 0;

/** A state as a number: analytics counts threefold, advertising once. */
export function ledgerState({ analytics, advertising }: PurposeVerdicts): number {
  return VERDICTS.indexOf(analytics) * VERDICTS.length + VERDICTS.indexOf(advertising);
}

export function verdictsOf(state: number): PurposeVerdicts {
  return {
    analytics: VERDICTS[Math.floor(state / VERDICTS.length)] as Verdict,
    advertising: VERDICTS[state % VERDICTS.length] as Verdict,
  };
}

/** The state in which the ledger allows the most: what an event is packed for. */
export const FREEST_STATE = ledgerState({ analytics: "granted", advertising: "granted" });

export function outcomeCode(outcome: ConsentOutcome): number {
  return CONSENT_OUTCOMES.indexOf(outcome);
}

export function outcomeOf(code: number): ConsentOutcome {
  return CONSENT_OUTCOMES[code] as ConsentOutcome;
}

/** Decisions by ledger state, all that there are; `codes` is what the shard is given. */
export interface ConsentTable {
  decisions: readonly ConsentDecision[];
  codes: Uint8Array;
}

export function consentTable(signals: Omit<Signals, "ledger">, regime: Regime, policy: ConsentPolicy): ConsentTable {
  const decisions = Array.from({ length: LEDGER_STATES }, (_, state) =>
    decideConsent({ ...signals, ledger: verdictsOf(state) }, regime, policy),
  );
  return { decisions, codes: Uint8Array.from(decisions, ({ outcome }) => outcomeCode(outcome)) };
}
