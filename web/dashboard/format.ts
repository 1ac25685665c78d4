/** Formats numbers, times and countries for people, in the browser's language. */
import { LOCALES } from "../locale.ts";

const wholeNumber = new Intl.NumberFormat(LOCALES, { maximumFractionDigits: 0 });
const compactNumber = new Intl.NumberFormat(LOCALES, { notation: "compact", maximumFractionDigits: 1 });
const oneDecimal = new Intl.NumberFormat(LOCALES, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const hourMinute = new Intl.DateTimeFormat(LOCALES, { hour: "2-digit", minute: "2-digit" });
const preciseTime = new Intl.DateTimeFormat(LOCALES, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
  hour12: false,
});
const countryNames = new Intl.DisplayNames(LOCALES, { type: "region", fallback: "code" });

export function formatCount(count: number): string {
  return count < 100_000 ? wholeNumber.format(count) : compactNumber.format(count);
}

/** A rate below ten shows tenths, because three events in five seconds are not one event per second. */
export function formatRate(perSecond: number): string {
  if (perSecond > 0 && perSecond < 9.95) return oneDecimal.format(perSecond);
  return formatCount(Math.round(perSecond));
}

export function formatMinute(timeMs: number): string {
  return hourMinute.format(timeMs);
}

export function formatTime(time: string | number): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? String(time) : preciseTime.format(date);
}

export function formatAge(ageMs: number): string {
  const seconds = Math.max(0, Math.round(ageMs / 1_000));
  if (seconds < 2) return "now";
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

export function formatDuration(durationMs: number): string {
  if (durationMs < 1_000) return `${Math.round(durationMs)} ms`;
  if (durationMs < 60_000) return `${(durationMs / 1_000).toFixed(1)} s`;
  return `${Math.floor(durationMs / 60_000)} min ${Math.round((durationMs % 60_000) / 1_000)} s`;
}

/** Cloudflare's codes are ISO 3166 codes and `T1` for Tor. The code is missing if the address has no country, as on loopback. */
export function countryName(code: string | null): string {
  if (code === "T1") return "Tor";
  if (!isCountryCode(code)) return "Unknown";
  try {
    return countryNames.of(code) ?? code;
  } catch {
    return code;
  }
}

/** The flag as two regional indicator letters. Undefined without a country, or if the system draws no flags. */
export function countryFlag(code: string | null): string | undefined {
  if (!isCountryCode(code) || !drawsFlags()) return undefined;
  return Array.from(code)
    .map((letter) => String.fromCodePoint(0x1f1e6 + letter.charCodeAt(0) - 65))
    .join("");
}

function isCountryCode(code: string | null): code is string {
  return code !== null && /^[A-Z]{2}$/.test(code) && code !== "XX" && code !== "ZZ";
}

let flagsAreDrawn: boolean | undefined;

/** Windows and bare Linux draw two letters or two boxes. Only a real flag has colour, so look for the red of the Swiss flag. */
function drawsFlags(): boolean {
  if (flagsAreDrawn !== undefined) return flagsAreDrawn;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 20;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  flagsAreDrawn = false;
  if (!context) return false;
  context.font = "16px sans-serif";
  context.textBaseline = "top";
  context.fillText("🇨🇭", 0, 0);
  const { data } = context.getImageData(0, 0, 20, 20);
  for (let pixel = 0; pixel < data.length; pixel += 4) {
    const [red = 0, green = 0, , alpha = 0] = data.subarray(pixel, pixel + 4);
    if (alpha > 100 && red - green > 60) flagsAreDrawn = true;
  }
  return flagsAreDrawn;
}
