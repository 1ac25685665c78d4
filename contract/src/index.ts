// Exports everything that crosses a boundary of the pipeline. The edge, the backend and the tests share it. It does no I/O.

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
