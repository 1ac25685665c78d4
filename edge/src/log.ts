// Writes a line of the Worker's log: JSON with a level, a message and facts. A fact is a count, a name or one of our own ids,
// never text that was sent. A fault is reduced to the output of `faultText`.

import { faultText } from "./fault-text.ts";

/** @param facts in the order of the line. */
export function log(level: "warn" | "error", message: string, facts: Readonly<Record<string, unknown>> = {}): void {
  const said = "fault" in facts ? { ...facts, fault: faultText(facts.fault) } : facts;
  console[level](JSON.stringify({ level, message, ...said }));
}
