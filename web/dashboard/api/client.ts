/** Calls the Worker that served this page. The browser sends the session cookie; the page keeps no key. */

export type ApiAnswer<T> =
  | { kind: "ok"; data: T }
  /** There is no session, or the session ended. */
  | { kind: "unauthorized"; message: string }
  | { kind: "notFound" }
  /** The call failed. A retry may succeed. */
  | { kind: "fault"; message: string; retryAfterMs: number | undefined };

const DEADLINE_MS = 10_000;

/** Sends a GET request and returns `data` of the answer. */
export async function read<T>(path: string): Promise<ApiAnswer<T>> {
  const answer = await request(path, {});
  return answer.kind === "ok" ? { kind: "ok", data: answer.data.data as T } : answer;
}

/** Sends any request and returns the whole body of the answer. Never rejects. */
export async function request(path: string, init: RequestInit): Promise<ApiAnswer<Record<string, unknown>>> {
  try {
    const response = await fetch(path, {
      ...init,
      credentials: "same-origin",
      cache: "no-store",
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
    const body = parseObject(await response.text());
    if (response.ok) return body ? { kind: "ok", data: body } : fault("The answer is not JSON", undefined);
    const message = typeof body?.message === "string" ? body.message : `HTTP ${response.status}`;
    if (response.status === 401 || response.status === 403) return { kind: "unauthorized", message };
    if (response.status === 404) return { kind: "notFound" };
    return fault(message, retryAfterMs(response));
  } catch (error) {
    const timedOut = error instanceof DOMException && error.name === "TimeoutError";
    return fault(timedOut ? "No answer within 10 seconds" : "The server cannot be reached", undefined);
  }
}

function fault(message: string, retryAfterMs: number | undefined): { kind: "fault" } & ApiAnswer<never> {
  return { kind: "fault", message, retryAfterMs };
}

function parseObject(text: string): Record<string, unknown> | undefined {
  if (text === "") return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function retryAfterMs(response: Response): number | undefined {
  const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : undefined;
}
