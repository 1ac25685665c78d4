// Whether a user agent says of itself that it is a program. A flag, never a drop: who reads decides what to leave out.

import { isbot } from "isbot";
import type { BrowserHints } from "./client-hints.ts";

export function isBotAgent(userAgent: string): boolean {
  return isbot(userAgent);
}

/** A browser without a head may hide behind an ordinary user agent, and still names its brand. */
export function isBotBrand(brand: BrowserHints["brand"]): boolean {
  return brand?.name === HEADLESS_CHROME;
}

/** Under the name that ./client-hints.ts gives it. */
const HEADLESS_CHROME = "Chrome Headless";
