// What crosses a boundary of the pipeline; no I/O. Everything here is shared by the edge, the backend and the tests.

export * from "./click-id-list.ts";
export * from "./click-ids.ts";
export * from "./consent.ts";
export * from "./counters.ts";
export * from "./enriched.ts";
export * from "./envelope.ts";
export * from "./errors.ts";
export * from "./event.ts";
export * from "./failed.ts";
export * from "./findings.ts";
export * from "./frame.ts";
export * from "./hash.ts";
export * from "./invariants.ts";
export * from "./json-pointer.ts";
export * from "./keys.ts";
export * from "./limits.ts";
export * from "./names.ts";
export * from "./percent.ts";
export * from "./placeholder.ts";
export * from "./platform.ts";
export * from "./quantity.ts";

import "./relations.ts";

export * from "./result.ts";
export * from "./settings.ts";
export * from "./text.ts";
export * from "./time.ts";
export * from "./tracking-plan.ts";
export * from "./tunings.ts";
