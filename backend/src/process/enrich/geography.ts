// Reads the location of an event, as the edge's platform reported it for the caller. If a server sends for a person elsewhere
// (secret key, `context.ip` given), its own location says nothing about that person. Then only `context.location` counts.

import type { RequestSource } from "@behaviour/contract";
import { cleanText } from "../../clean-text.ts";
import { objectAt, textOrNull } from "./text.ts";

export interface Geography {
  country: string | null;
  region: string | null;
  city: string | null;
}

export const NOWHERE: Geography = { country: null, region: null, city: null };

export function readGeography(
  source: RequestSource,
  context: Record<string, unknown>,
  speaksForAnother: boolean,
): Geography {
  if (!speaksForAnother) {
    return { country: countryCode(source.country), region: cleaned(source.region), city: cleaned(source.city) };
  }
  const location = objectAt(context, "location") ?? {};
  return {
    country: countryCode(location.country),
    region: textOrNull(location.region),
    city: textOrNull(location.city),
  };
}

/** ISO 3166-1 alpha-2. Cloudflare's `T1` (Tor) and `XX` (unknown) are not countries. */
function countryCode(value: unknown): string | null {
  if (typeof value !== "string" || !/^[A-Za-z]{2}$/.test(value)) return null;
  const code = value.toUpperCase();
  return code === "XX" ? null : code;
}

function cleaned(value: string | null): string | null {
  return textOrNull(value === null ? null : cleanText(value));
}
