// Decides consent, by one pure function from the known signals to the allowed use. Consent is decided nowhere else.
// docs/API_DOCUMENTATION.md#consent, E6.
//
// For each purpose the most restrictive applicable signal wins. A grant counts only if no signal denies. If nothing is known,
// the regime decides. A client therefore can't lift a denial of the ledger or of Global Privacy Control.

import type { ConsentOutcome } from "@behaviour/contract";

export const PURPOSES = ["analytics", "advertising"] as const;
export type Purpose = (typeof PURPOSES)[number];
/** What one signal says about one purpose. Silence is `unknown`. */
export type Verdict = "granted" | "denied" | "unknown";
export type PurposeVerdicts = Record<Purpose, Verdict>;

/** Where a verdict came from. Drops are counted by source too. */
export type SignalSource = "ledger" | "gpc" | "dnt" | "preferences" | "tcf" | "gpp" | "usp" | "gcm";

export interface Signals {
  /** The strictest state of all ids in the event. */
  ledger: PurposeVerdicts;
  /** `Sec-GPC: 1`: no sale, no sharing. It is honoured everywhere. */
  gpc: boolean;
  /** `DNT: 1`. */
  dnt: boolean;
  /** Signals of the client's own consent tools, each read separately. */
  client: readonly { source: SignalSource; verdicts: PurposeVerdicts }[];
}

export type Regime = "opt-in" | "opt-out";

export interface ConsentPolicy {
  /** The outcome of an event whose analytics purpose is denied. */
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
  // Advertising uses the data that analytics collects, so it is never granted without analytics.
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
  // GPC concerns sale and sharing, which here means advertising.
  if (signals.gpc && purpose === "advertising") denials.push("gpc");
  // DNT is older and vaguer than a person's own answer to us, so the ledger's grant outweighs it.
  if (signals.dnt && purpose === "analytics" && signals.ledger.analytics !== "granted") denials.push("dnt");
  for (const { source, verdicts } of signals.client) if (verdicts[purpose] === "denied") denials.push(source);
  return denials;
}

/** The stricter of two verdicts, for each purpose. Any verdict overrides silence. */
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
