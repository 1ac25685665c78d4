// Consent is decided here and nowhere else: one pure function from what is known to what may be done.
// docs/API_DOCUMENTATION.md#consent, E6.
//
// For each purpose the most restrictive applicable signal wins; a grant counts only where nothing denies, and where nothing
// is known the regime decides. A client can thus only tighten what the ledger or Global Privacy Control denies.

import type { ConsentOutcome } from "@behaviour/contract";

export const PURPOSES = ["analytics", "advertising"] as const;
export type Purpose = (typeof PURPOSES)[number];
/** What one signal says of one purpose; silence is `unknown`. */
export type Verdict = "granted" | "denied" | "unknown";
export type PurposeVerdicts = Record<Purpose, Verdict>;

/** Where a verdict came from; also what drop counters are kept by. */
export type SignalSource = "ledger" | "gpc" | "dnt" | "preferences" | "tcf" | "gpp" | "usp" | "gcm";

export interface Signals {
  /** The strictest state of every id the event names. */
  ledger: PurposeVerdicts;
  /** `Sec-GPC: 1`: no sale, no sharing; honoured everywhere. */
  gpc: boolean;
  /** `DNT: 1`. */
  dnt: boolean;
  /** What the client's own consent tools say, each read on its own. */
  client: readonly { source: SignalSource; verdicts: PurposeVerdicts }[];
}

export type Regime = "opt-in" | "opt-out";

export interface ConsentPolicy {
  /** What becomes of an event whose analytics purpose is denied. */
  whenAnalyticsDenied: "drop" | "cookieless";
}

export interface ConsentReason {
  purpose: Purpose;
  /** `regime`: nothing was known. */
  source: SignalSource | "regime";
}

export interface ConsentDecision {
  outcome: ConsentOutcome;
  purposes: Record<Purpose, "granted" | "denied">;
  /** Why each denied purpose is denied; empty when the outcome is `accept`. */
  reasons: ConsentReason[];
}

export const SILENT: PurposeVerdicts = { analytics: "unknown", advertising: "unknown" };

export function decideConsent(signals: Signals, regime: Regime, policy: ConsentPolicy): ConsentDecision {
  const reasons: ConsentReason[] = [];
  const analytics = decidePurpose("analytics", signals, regime, reasons);
  // Advertising builds on what analytics collects: it never goes further.
  const advertising = analytics === "denied" ? "denied" : decidePurpose("advertising", signals, regime, reasons);
  return { outcome: outcomeOf(analytics, advertising, policy), purposes: { analytics, advertising }, reasons };
}

function outcomeOf(
  analytics: "granted" | "denied",
  advertising: "granted" | "denied",
  policy: ConsentPolicy,
): ConsentOutcome {
  if (analytics === "denied") return policy.whenAnalyticsDenied;
  return advertising === "granted" ? "accept" : "restricted";
}

function decidePurpose(
  purpose: Purpose,
  signals: Signals,
  regime: Regime,
  reasons: ConsentReason[],
): "granted" | "denied" {
  const denials = denialsOf(purpose, signals);
  if (denials.length > 0) {
    for (const source of denials) reasons.push({ purpose, source });
    return "denied";
  }
  const granted =
    signals.ledger[purpose] === "granted" || signals.client.some(({ verdicts }) => verdicts[purpose] === "granted");
  if (granted || regime === "opt-out") return "granted";
  reasons.push({ purpose, source: "regime" });
  return "denied";
}

function denialsOf(purpose: Purpose, signals: Signals): SignalSource[] {
  const denials: SignalSource[] = [];
  if (signals.ledger[purpose] === "denied") denials.push("ledger");
  // GPC is about sale and sharing, which here is advertising use.
  if (signals.gpc && purpose === "advertising") denials.push("gpc");
  // DNT is older and vaguer than a person's own answer to us, so the ledger's grant outweighs it.
  if (signals.dnt && purpose === "analytics" && signals.ledger.analytics !== "granted") denials.push("dnt");
  for (const { source, verdicts } of signals.client) if (verdicts[purpose] === "denied") denials.push(source);
  return denials;
}

/** Of two verdicts on the same purpose the stricter; silence yields to either. */
export function stricter(a: PurposeVerdicts, b: PurposeVerdicts): PurposeVerdicts {
  return {
    analytics: stricterVerdict(a.analytics, b.analytics),
    advertising: stricterVerdict(a.advertising, b.advertising),
  };
}

function stricterVerdict(a: Verdict, b: Verdict): Verdict {
  if (a === "denied" || b === "denied") return "denied";
  return a === "granted" || b === "granted" ? "granted" : "unknown";
}
