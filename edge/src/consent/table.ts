// Lists an event's consent outcome for each state of the ledger. The shard knows the ledger and opens no frame; the Worker knows
// everything else. So the Worker sends, for each event, its outcome in each state, and the outcome it was packed for. The shard
// looks up the state and stores the event, or answers which events need another outcome. E2, E6.

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
/** The state of an id that the ledger does not know. */
export const UNKNOWN_STATE = 0;

/** A state as a number: three times the analytics verdict, plus the advertising verdict. */
export function ledgerState({ analytics, advertising }: PurposeVerdicts): number {
  return VERDICTS.indexOf(analytics) * VERDICTS.length + VERDICTS.indexOf(advertising);
}

export function verdictsOf(state: number): PurposeVerdicts {
  return {
    analytics: VERDICTS[Math.floor(state / VERDICTS.length)] as Verdict,
    advertising: VERDICTS[state % VERDICTS.length] as Verdict,
  };
}

/** The state in which the ledger allows the most. An event that is dropped even in this state is never packed. */
export const FREEST_STATE = ledgerState({ analytics: "granted", advertising: "granted" });

export function outcomeCode(outcome: ConsentOutcome): number {
  return CONSENT_OUTCOMES.indexOf(outcome);
}

export function outcomeOf(code: number): ConsentOutcome {
  return CONSENT_OUTCOMES[code] as ConsentOutcome;
}

/** The decisions for all ledger states. The shard receives `codes`. */
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
