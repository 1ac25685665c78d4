/** Sends one request to the collector and interprets its answer. delivery.ts decides when to send and when to retry. */
import { LIMITS } from "./limits.ts";

/** An event that the collector rejected inside an accepted batch. */
export interface Rejection {
  index: number;
  code: string;
  message: string;
}

/**
 * The outcome of a request:
 * - `delivered`: all events are on durable storage, except the events in `rejected`;
 * - `refused`: the answer is final, and a retry is pointless; `rejected` names single events if the answer does;
 * - `retry`: it is unknown whether the events are stored; a retry is safe.
 */
export type SendOutcome =
  | { kind: "delivered"; rejected: Rejection[] }
  | { kind: "refused"; status: number; message: string; rejected: Rejection[] }
  | { kind: "retry"; retryAfterMs: number | undefined };

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** A browser sends `text/plain` to another origin without a preflight request. */
const CONTENT_TYPE = "text/plain;charset=UTF-8";

export class Transport {
  readonly #host: string;
  readonly #fetch: Fetch;

  /** `host` is the collector's origin, without a trailing slash. */
  constructor(host: string, fetch: Fetch) {
    this.#host = host;
    this.#fetch = fetch;
  }

  /** Sends a batch. Never rejects: a network fault or a timeout results in `retry`. */
  async send(body: string, byteCount: number, retryCount: number): Promise<SendOutcome> {
    const headers: Record<string, string> = { "content-type": CONTENT_TYPE };
    // The header costs a preflight request, so it is sent only with a retry, not with the first attempt of a batch.
    if (retryCount > 0) headers["x-retry-count"] = String(retryCount);
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), LIMITS.requestTimeoutMs);
    try {
      const response = await this.#fetch(`${this.#host}/v1/batch`, {
        method: "POST",
        body,
        headers,
        credentials: "omit",
        // Every browser fails a request with keepalive and a larger body.
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

  /** Hands a batch to the browser, which sends it even after the page has closed. False if the browser refuses the batch. */
  beacon(body: string): boolean {
    try {
      return navigator.sendBeacon(`${this.#host}/v1/beacon`, body);
    } catch {
      return false; // the function does not exist, or a policy of the page forbids it
    }
  }
}

/** Only a 200 with `success` is an acknowledgement, because a hotel's login page answers 200, too. */
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
