/** One request to the collector and what its answer means. When to send, and when again, is decided in delivery.ts. */
import { LIMITS } from "./limits.ts";

/** An event the collector refused inside a batch it took. */
export interface Rejection {
  index: number;
  code: string;
  message: string;
}

/**
 * What became of a request:
 * - `delivered`: everything is on durable storage, save the events in `rejected`;
 * - `refused`: the answer is final, sending again is pointless; `rejected` names single events where it can;
 * - `retry`: not known to be stored; sending again is safe.
 */
export type SendOutcome =
  | { kind: "delivered"; rejected: Rejection[] }
  | { kind: "refused"; status: number; message: string; rejected: Rejection[] }
  | { kind: "retry"; retryAfterMs: number | undefined };

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** `text/plain` is what a browser sends to another origin without asking first. */
const CONTENT_TYPE = "text/plain;charset=UTF-8";

export class Transport {
  readonly #host: string;
  readonly #fetch: Fetch;

  /** `host` is the collector's origin, without a trailing slash. */
  constructor(host: string, fetch: Fetch) {
    this.#host = host;
    this.#fetch = fetch;
  }

  /** Sends a batch. Never rejects: a fault of the network, a timeout included, is a `retry`. */
  async send(body: string, byteCount: number, retryCount: number): Promise<SendOutcome> {
    const headers: Record<string, string> = { "content-type": CONTENT_TYPE };
    // Costs a preflight, so only where it says something: the first try of a batch needs none.
    if (retryCount > 0) headers["x-retry-count"] = String(retryCount);
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), LIMITS.requestTimeoutMs);
    try {
      const response = await this.#fetch(`${this.#host}/v1/batch`, {
        method: "POST",
        body,
        headers,
        credentials: "omit",
        // A larger body with keepalive is a network fault in every browser.
        keepalive: byteCount <= LIMITS.maxBeaconBytes,
        signal: deadline.signal,
      });
      return judge(response, await response.text());
    } catch {
      return { kind: "retry", retryAfterMs: undefined };
    } finally {
      clearTimeout(timer);
    }
  }

  /** Hands a batch to the browser to send after the page is gone; false when it will not take it. */
  beacon(body: string): boolean {
    try {
      return navigator.sendBeacon(`${this.#host}/v1/beacon`, body);
    } catch {
      return false; // no such function, or forbidden by a policy of the page
    }
  }
}

/** Only a 200 that says `success` is an acknowledgement: a hotel's login page answers 200, too. */
function judge(response: Response, text: string): SendOutcome {
  const answer = parseAnswer(text);
  if (response.ok && answer.success === true) return { kind: "delivered", rejected: rejections(answer) };
  const { status } = response;
  if (status === 429 || status >= 500) return { kind: "retry", retryAfterMs: retryAfterMs(response) };
  if (status < 400) return { kind: "retry", retryAfterMs: undefined };
  const message = [answer.code, answer.message].filter((part) => typeof part === "string").join(": ");
  return { kind: "refused", status, message: message || `HTTP ${status}`, rejected: rejections(answer) };
}

function parseAnswer(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function rejections(answer: Record<string, unknown>): Rejection[] {
  if (!Array.isArray(answer.rejected)) return [];
  const items = answer.rejected as (Partial<Rejection> | null)[];
  return items.filter((item): item is Rejection => Number.isInteger(item?.index));
}

/** `Retry-After` as milliseconds: whole seconds or an HTTP date. */
function retryAfterMs(response: Response): number | undefined {
  const header = response.headers.get("retry-after");
  if (!header) return undefined;
  const delayMs = /^\d+$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - Date.now();
  return Number.isNaN(delayMs) ? undefined : Math.min(Math.max(delayMs, 0), LIMITS.maxRetryAfterMs);
}
