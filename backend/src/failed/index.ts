// Exports the failed-events store, the form of its events, and the seal of the originals.

export type { KeptFailure } from "./row.ts";
export { OriginalSeal } from "./seal.ts";
export { FailedEventStore } from "./store.ts";
