// List prices in dollars beyond the usage that a plan includes, from the vendor's pages in November 2026.

export const PRICES = {
  /** https://developers.cloudflare.com/workers/platform/pricing/ */
  workerRequest: 0.3 / 1e6,
  workerCpuMs: 0.02 / 1e6,
  /** https://developers.cloudflare.com/durable-objects/platform/pricing/: calls, alarms and messages of sockets. */
  objectRequest: 0.15 / 1e6,
  /** Counts while an object is in memory and may not be put to sleep, whatever it does. */
  objectGbSecond: 12.5 / 1e6,
  /** Deletes count, and so does each `setAlarm`. */
  rowWritten: 1 / 1e6,
  rowRead: 0.001 / 1e6,
  /** https://developers.cloudflare.com/kv/platform/pricing/ */
  kvRead: 0.5 / 1e6,
} as const;

/** The memory for which an object is charged, whatever it uses. */
export const OBJECT_GB = 0.128;
