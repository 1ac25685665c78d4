// The four outcomes of consent, from the freest to the strictest. docs/API_DOCUMENTATION.md#consent.

export const CONSENT_OUTCOMES = ["accept", "restricted", "cookieless", "drop"] as const;
export type ConsentOutcome = (typeof CONSENT_OUTCOMES)[number];
/** The outcome of a stored event. A dropped event is not stored. */
export type StoredConsent = Exclude<ConsentOutcome, "drop">;
