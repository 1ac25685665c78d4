// A shard's faults, as a line of the Worker's log: never what was sent, only what went wrong.

import { faultText } from "./fault-text.ts";

export function log(level: "warn" | "error", message: string, fault: unknown): void {
  console[level](JSON.stringify({ level, message, fault: faultText(fault) }));
}
