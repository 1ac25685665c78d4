// Reads IAB US Privacy strings, e.g. `1YNN`: version, notice given, opted out of sale, covered by the LSPA.
// https://github.com/InteractiveAdvertisingBureau/USPrivacy, "US Privacy String"

import { type PurposeVerdicts, SILENT } from "./decide.ts";

export function readUspString(value: unknown): PurposeVerdicts {
  const match = typeof value === "string" ? /^\s{0,8}1[YN-]([YN-])[YN-]\s{0,8}$/i.exec(value) : null;
  // `N` means that nobody opted out. This is silence, not a grant.
  return match?.[1]?.toUpperCase() === "Y" ? { analytics: "unknown", advertising: "denied" } : SILENT;
}
