// Accepts IANA time zones that the runtime and the database both understand. Offsets are refused, because Postgres reads "+02:00"
// with the opposite sign (POSIX).

import * as z from "zod/mini";

/** IANA names that Postgres reads as abbreviations of a fixed offset, and the zones to use instead, which have summer time. */
const ZONE_OF_ABBREVIATION: Record<string, string> = {
  CET: "Europe/Brussels",
  EET: "Europe/Athens",
  MET: "Europe/Brussels",
  WET: "Europe/Lisbon",
};

const HOUR_MS = 60 * 60 * 1_000;
/** Every change of a zone's offset lasts longer than this. */
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

/** Whether every hour of the zone begins with a UTC hour throughout the range. False in India and on Lord Howe Island. */
export function hasWholeHours(zone: string, fromMs: number, toMs: number): boolean {
  const minute = new Intl.DateTimeFormat("en-US", { timeZone: zone, minute: "numeric" });
  for (let ms = fromMs; ms < toMs + SAMPLE_MS; ms += SAMPLE_MS) {
    const hourStartMs = Math.floor(Math.min(ms, toMs) / HOUR_MS) * HOUR_MS;
    if (Number(minute.format(hourStartMs)) !== 0) return false;
  }
  return true;
}
