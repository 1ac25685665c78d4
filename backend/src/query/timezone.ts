// IANA time zones as the runtime and the database both understand them. Offsets are refused: Postgres reads "+02:00" with the
// opposite sign (POSIX).

import * as z from "zod/mini";

/** IANA names that Postgres takes for abbreviations of a fixed offset before it looks for a zone; these have summer time. */
const ZONE_OF_ABBREVIATION: Record<string, string> = {
  CET: "Europe/Brussels",
  EET: "Europe/Athens",
  MET: "Europe/Brussels",
  WET: "Europe/Lisbon",
};

const HOUR_MS = 60 * 60 * 1_000;
/** Any change of a zone's offset lasts for longer than this. */
const SAMPLE_MS = 28 * 24 * HOUR_MS;

export const timezone = z.pipe(
  z.string().check(z.maxLength(64), z.regex(/^[A-Za-z][\w+-]*(\/[\w+-]+)*$/, "not an IANA time zone")),
  z.transform((value, context) => {
    try {
      new Intl.DateTimeFormat("en-US", { timeZone: value });
      return ZONE_OF_ABBREVIATION[value.toUpperCase()] ?? value;
    } catch {
      context.issues.push({ code: "custom", message: "not an IANA time zone", input: value });
      return z.NEVER;
    }
  }),
);

/** Whether every hour of the zone begins with one of UTC, all through the range: not so in India or on Lord Howe Island. */
export function hasWholeHours(zone: string, fromMs: number, toMs: number): boolean {
  const minute = new Intl.DateTimeFormat("en-US", { timeZone: zone, minute: "numeric" });
  for (let ms = fromMs; ms < toMs + SAMPLE_MS; ms += SAMPLE_MS) {
    const hourStartMs = Math.floor(Math.min(ms, toMs) / HOUR_MS) * HOUR_MS;
    if (Number(minute.format(hourStartMs)) !== 0) return false;
  }
  return true;
}
