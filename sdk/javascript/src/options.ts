/** Checks the constructor's settings once. An invalid setting is a programming error and throws immediately. */
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
  /** Maximum number of waiting events. Above this the oldest events are dropped and reported. 1,000 by default. */
  maxQueueEvents?: number;
  /** Called only for events that are permanently lost. Writes a warning to the console by default. */
  onError?: (error: AnalyticsError) => void;
  /** Called with the messageIds of events that the collector has stored. Not called for events sent by beacon. */
  onDelivered?: (messageIds: string[]) => void;
  /**
   * Whether `identify` and `group` apply to later events. True by default in a browser, which belongs to one person.
   * False in Node, where one process sends events of many people and names the person in each call's options.
   */
  rememberIdentity?: boolean;
  /** Prefix of all keys in storage, for two projects on one origin; `behaviour` by default. */
  namespace?: string;
  /** Storage for ids and waiting events: by default `localStorage` in a browser, memory elsewhere. `null` means memory. */
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

/** @throws TypeError if the key is missing, a secret key is used in a browser, or the host is not an http(s) address */
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
    // Looked up at each call, so that a page's instrumentation of fetch keeps working. Browsers require a call without `this`.
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

/** An exception in a caller's callback must not stop delivery. */
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
