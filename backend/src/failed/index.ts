// The failed-events store, what makes a payload fit to be kept in it, and the seal of the originals.

export type { KeptFailure } from "./row.ts";
export { OriginalSeal } from "./seal.ts";
export { FailedEventStore } from "./store.ts";
