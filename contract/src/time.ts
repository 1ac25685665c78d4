// Parses times and corrects clients' clocks. Pure, and the same at the edge and in the backend: the first accepted copy of a
// message carries all that is needed to compute its time, so every reader computes the same time.
// docs/API_DOCUMENTATION.md#sending-events.

import { LIMITS } from "./limits.ts";

const RFC3339 =
  /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)?(?:([Zz])|([+-])(\d{2}):?(\d{2}))?)?$/;
const EARLIEST_MS = Date.UTC(1970, 0, 1);
const LATEST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/**
 * Reads RFC 3339 (any number of fraction digits; a date alone, or no zone, means UTC) or a number of epoch milliseconds.
 * @returns epoch milliseconds, or null for another form. It never guesses, and never lets `Date` guess.
 */
export function parseTime(value: unknown): number | null {
  if (typeof value === "number") {
    return Number.isFinite(value) && value >= EARLIEST_MS && value <= LATEST_MS ? Math.floor(value) : null;
  }
  if (typeof value !== "string" || value.length > 64) return null;
  const canonicalMs = parseCanonical(value);
  if (canonicalMs !== null) return canonicalMs;
  const match = RFC3339.exec(value);
  if (match === null) return null;
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const [hour, minute, second] = [Number(match[4] ?? 0), Number(match[5] ?? 0), Number(match[6] ?? 0)];
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return null;
  // 23:59:60 is a leap second, which RFC 3339 allows. It counts as the next second.
  if (hour > 23 || minute > 59 || second > 60) return null;
  const fractionMs = match[7] === undefined ? 0 : Math.floor(Number(`0.${match[7].slice(0, 6)}`) * 1_000);
  let offsetMinutes = 0;
  if (match[9] !== undefined) {
    const [offsetHour, offsetMinute] = [Number(match[10]), Number(match[11])];
    if (offsetHour > 23 || offsetMinute > 59) return null;
    offsetMinutes = (match[9] === "-" ? -1 : 1) * (offsetHour * 60 + offsetMinute);
  }
  const ms = Date.UTC(year, month - 1, day, hour, minute, second, fractionMs) - offsetMinutes * 60_000;
  return ms >= EARLIEST_MS && ms <= LATEST_MS ? ms : null;
}

const CANONICAL_LENGTH = "2026-11-25T01:10:25.123Z".length;
const DASH = 0x2d;
const COLON = 0x3a;
const DOT = 0x2e;
const UPPER_T = 0x54;
const UPPER_Z = 0x5a;

/**
 * Reads the form that `toISOString` writes and almost every event carries, digit by digit. The pattern takes twenty times as
 * long, twice for every event. @returns null for every other form, and for a time that the pattern must judge
 */
function parseCanonical(text: string): number | null {
  if (text.length !== CANONICAL_LENGTH) return null;
  const isCanonical =
    text.charCodeAt(4) === DASH &&
    text.charCodeAt(7) === DASH &&
    text.charCodeAt(10) === UPPER_T &&
    text.charCodeAt(13) === COLON &&
    text.charCodeAt(16) === COLON &&
    text.charCodeAt(19) === DOT &&
    text.charCodeAt(23) === UPPER_Z;
  if (!isCanonical) return null;
  const [year, month, day] = [digits(text, 0, 4), digits(text, 5, 7), digits(text, 8, 10)];
  const [hour, minute, second] = [digits(text, 11, 13), digits(text, 14, 16), digits(text, 17, 19)];
  const ms = digits(text, 20, 23);
  // NaN, the result of a character that is not a digit, fails each of these conditions.
  if (!(year >= 1970 && month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month))) return null;
  if (!(hour <= 23 && minute <= 59 && second <= 59 && ms <= 999)) return null;
  return ((daysSinceEpoch(year, month, day) * 24 + hour) * 60 + minute) * 60_000 + second * 1_000 + ms;
}

/** @returns NaN if one of the characters is not a digit. */
function digits(text: string, start: number, end: number): number {
  let value = 0;
  for (let i = start; i < end; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}

const DAYS_BEFORE_MONTH = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
const DAYS_IN_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

/** `month` is 1 to 12. */
function daysInMonth(year: number, month: number): number {
  return month === 2 && isLeapYear(year) ? 29 : (DAYS_IN_MONTH[month - 1] as number);
}

/** For a valid date from 1970 on. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const before = year - 1;
  const leapDays =
    Math.floor(before / 4) - Math.floor(before / 100) + Math.floor(before / 400) - LEAP_DAYS_BEFORE_EPOCH;
  const thisYear = (DAYS_BEFORE_MONTH[month - 1] as number) + (month > 2 && isLeapYear(year) ? 1 : 0);
  return (year - 1970) * 365 + leapDays + thisYear + day - 1;
}

/** Leap years from 1 to 1969. */
const LEAP_DAYS_BEFORE_EPOCH = 477;

export interface ClientTimes {
  /** The event's `timestamp`, else its `originalTimestamp`, as sent; undefined if it has neither. */
  timestamp: unknown;
  /** The request's `sentAt`, else the event's, as sent. */
  sentAt: unknown;
  /** Epoch milliseconds, the edge's clock. */
  receivedAtMs: number;
  /** Some libraries keep the first `sentAt` on a retry, so a retry says nothing about the clock. */
  isRetry: boolean;
  /** The request was sent to `/v1/import` with a secret key, so any past time is accepted. */
  anyPast: boolean;
}

export interface EventTime {
  /** Epoch milliseconds. */
  timeMs: number;
  /** The client's time before correction, if it could be read. */
  originalMs: number | null;
  sentAtMs: number | null;
  warning: "timestamp_invalid" | "timestamp_out_of_range" | null;
}

/** The time under which an event is stored: the client's time, corrected for its clock, or the time of receipt. */
export function eventTime(client: ClientTimes): EventTime {
  const { receivedAtMs } = client;
  const sentAtMs = parseTime(client.sentAt);
  if (client.timestamp === undefined || client.timestamp === null) {
    return { timeMs: receivedAtMs, originalMs: null, sentAtMs, warning: null };
  }
  const originalMs = parseTime(client.timestamp);
  if (originalMs === null) return { timeMs: receivedAtMs, originalMs: null, sentAtMs, warning: "timestamp_invalid" };
  const skewMs = sentAtMs === null || client.isRetry ? 0 : receivedAtMs - sentAtMs;
  const timeMs = Math.abs(skewMs) > LIMITS.clockSkewToleratedMs ? originalMs + skewMs : originalMs;
  const tooLate = timeMs > receivedAtMs + LIMITS.futureToleratedMs;
  const tooEarly = timeMs < EARLIEST_MS || (!client.anyPast && timeMs < receivedAtMs - LIMITS.pastToleratedMs);
  if (tooLate || tooEarly) return { timeMs: receivedAtMs, originalMs, sentAtMs, warning: "timestamp_out_of_range" };
  return { timeMs, originalMs, sentAtMs, warning: null };
}
