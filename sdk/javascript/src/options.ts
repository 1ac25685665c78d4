/** The constructor's settings, checked once. Everything wrong here is a mistake of the programmer and thrown at once. */
import { LIMITS } from "./limits.ts";
import type { AnalyticsError } from "./message.ts";
import { browserStorage, type StorageLike } from "./storage.ts";
import type { Fetch } from "./transport.ts";

export interface AnalyticsOptions {
  /** Origin of the collector, for example `https://events.example.com`. */
  host: string;
  /** A request starts as soon as this many events wait; 20 by default. */
  flushAtEvents?: number;
  /** A waiting event starts a request after this many milliseconds at the latest; 1,000 by default. */
  flushIntervalMs?: number;
  /** Most events that wait at once; beyond it the oldest are dropped and reported. 1,000 by default. */
  maxQueueEvents?: number;
  /** Called for events that are lost for good, and only then. Writes a warning to the console by default. */
  onError?: (error: AnalyticsError) => void;
  /** Called with the messageIds of events the collector has stored. Events handed to a beacon get no such call. */
  onDelivered?: (messageIds: string[]) => void;
  /**
   * Whether `identify` and `group` hold for later events: by default in a browser, which belongs to one person, and
   * not in Node, where one process speaks for many and names the person in each call's options.
   */
  rememberIdentity?: boolean;
  /** Prefix of all keys in storage, for two projects on one origin; `behaviour` by default. */
  namespace?: string;
  /** Where ids and waiting events are kept; `localStorage` in a browser, memory elsewhere. `null`: memory. */
  storage?: StorageLike | null;
  /** Replaces the global `fetch`. */
  fetch?: Fetch;
}

export interface ResolvedOptions {
  host: string;
  flushAtEvents: number;
  flushIntervalMs: number;
  maxQueueEvents: number;
  onError: (error: AnalyticsError) => void;
  onDelivered: (messageIds: string[]) => void;
  rememberIdentity: boolean;
  namespace: string;
  storage: StorageLike | undefined;
  fetch: Fetch;
}

/** @throws TypeError for a missing key, a secret key in a browser, or a host that is no http(s) address. */
export function resolveOptions(writeKey: string, options: AnalyticsOptions): ResolvedOptions {
  const inBrowser = typeof document !== "undefined";
  if (typeof writeKey !== "string" || writeKey === "") throw new TypeError("Analytics: a write key is needed");
  if (inBrowser && writeKey.startsWith("sk_")) {
    throw new TypeError("Analytics: a secret key must never reach a browser; use the public key (pk_…)");
  }
  return {
    host: originOf(options?.host),
    flushAtEvents: atLeastOne(options.flushAtEvents, LIMITS.flushAtEvents),
    flushIntervalMs: options.flushIntervalMs ?? LIMITS.flushIntervalMs,
    maxQueueEvents: atLeastOne(options.maxQueueEvents, LIMITS.maxQueueEvents),
    onError: shielded(options.onError ?? warn),
    onDelivered: shielded(options.onDelivered ?? (() => {})),
    rememberIdentity: options.rememberIdentity ?? inBrowser,
    namespace: options.namespace ?? "behaviour",
    storage: options.storage === undefined ? browserStorage() : (options.storage ?? undefined),
    // Bound late, so that a page's instrumentation of fetch keeps working; called bare, as browsers demand.
    fetch: options.fetch ?? ((url, init) => fetch(url, init)),
  };
}

function originOf(host: unknown): string {
  const match = typeof host === "string" ? /^(https?:\/\/[^?#]+?)\/*$/.exec(host) : null;
  if (!match?.[1]) throw new TypeError('Analytics: options.host must be the collector\'s address, "https://…"');
  return match[1];
}

function atLeastOne(value: number | undefined, fallback: number): number {
  return Math.max(1, Math.floor(value ?? fallback));
}

/** A caller's callback that throws must not stop delivery. */
function shielded<T>(callback: (argument: T) => void): (argument: T) => void {
  return (argument) => {
    try {
      callback(argument);
    } catch (error) {
      console.error("[analytics] a callback threw", error);
    }
  };
}

function warn({ code, message, messageIds }: AnalyticsError): void {
  console.warn(`[analytics] ${messageIds.length} event(s) lost: ${code}: ${message}`);
}
