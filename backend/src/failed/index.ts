// The failed-events store and what makes a payload fit to be kept in it.

export { redactPersonalData } from "./redact.ts";
export { FailedEventStore } from "./store.ts";
