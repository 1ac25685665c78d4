// The failed-events store, what makes a payload fit to be kept in it, and the seal of the originals.

export { OriginalSeal } from "./original.ts";
export { redactPersonalData } from "./redact.ts";
export type { KeptFailure } from "./row.ts";
export { FailedEventStore } from "./store.ts";
