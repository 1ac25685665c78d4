// Sends a POST to a URL that a client configured. HTTPS only. The name is resolved here, all of its addresses must be public, and
// the connection goes to the address that was checked, so that a name that resolves differently the second time gains nothing.
// Redirects are not followed. One deadline bounds the whole call, including the response body.

import { lookup } from "node:dns/promises";
import { request } from "node:https";
import { isIP } from "node:net";
import { isPublicAddress } from "./address.ts";

/** Only the response's status matters. At most this much of its body is read. */
const ANSWER_BYTES_MAX = 16 * 1024;

export interface PinnedRequest {
  /** Where the connection goes. */
  address: string;
  port: number;
  /** For TLS and the Host header. */
  hostname: string;
  /** Includes the query. */
  path: string;
  headers: Record<string, string>;
  body: string;
  signal: AbortSignal;
}

/** Resolves with the status. @throws if there is no response. */
export type Transport = (pinned: PinnedRequest) => Promise<number>;
/** All addresses of a name. @throws if the name has no address. */
export type Resolver = (hostname: string) => Promise<string[]>;

export type PostOutcome = { ok: true; status: number } | { ok: false; reason: string };

export interface PostOptions {
  deadlineMs: number;
  resolve?: Resolver;
  transport?: Transport;
}

/** The problem of an address as it is written; null if it may be called. Names are resolved only when it is called. */
export function addressProblem(text: string): string | null {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return "not an address";
  }
  if (url.protocol !== "https:") return "must begin with https://";
  if (url.username !== "" || url.password !== "") return "must hold no user or password";
  if (url.hash !== "") return "must hold no fragment";
  const literal = literalAddress(url.hostname);
  if (literal !== null && !isPublicAddress(literal)) return "is not a public address";
  if (literal === null && !url.hostname.includes(".")) return "is not a public name";
  return null;
}

/** Never throws: an unreachable receiver is an outcome. The outcome does not quote the response. */
export async function postPinned(
  address: string,
  headers: Record<string, string>,
  body: string,
  { deadlineMs, resolve = resolveAll, transport = httpsTransport }: PostOptions,
): Promise<PostOutcome> {
  const problem = addressProblem(address);
  if (problem !== null) return { ok: false, reason: `the address ${problem}` };
  const url = new URL(address);
  const signal = AbortSignal.timeout(deadlineMs);
  try {
    const [pinned, ...others] = await withinDeadline(resolve(bare(url.hostname)), signal);
    if (pinned === undefined) return { ok: false, reason: "the name has no address" };
    if (![pinned, ...others].every(isPublicAddress))
      return { ok: false, reason: "the name leads to no public address" };
    const status = await transport({
      address: pinned,
      port: url.port === "" ? 443 : Number(url.port),
      hostname: bare(url.hostname),
      path: `${url.pathname}${url.search}`,
      headers: { ...headers, "user-agent": "behaviour-alerts/1" },
      body,
      signal,
    });
    if (status >= 200 && status < 300) return { ok: true, status };
    return { ok: false, reason: `answered ${status}` };
  } catch (fault) {
    return { ok: false, reason: signal.aborted ? "no answer in time" : reasonOf(fault) };
  }
}

export const httpsTransport = ({
  address,
  port,
  hostname,
  path,
  headers,
  body,
  signal,
  ca,
}: PinnedRequest & { ca?: string }) =>
  new Promise<number>((resolve, reject) => {
    const call = request(
      {
        // The address that was checked, even if the name now has another address. The certificate must be for the name.
        host: address,
        port,
        path,
        method: "POST",
        agent: false,
        signal,
        ...(isIP(hostname) === 0 ? { servername: hostname } : {}),
        ...(ca === undefined ? {} : { ca }),
        headers: {
          ...headers,
          host: port === 443 ? hostInUrl(hostname) : `${hostInUrl(hostname)}:${port}`,
          "content-length": Buffer.byteLength(body),
        },
      },
      (answer) => {
        let bytes = 0;
        answer.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > ANSWER_BYTES_MAX) answer.destroy();
        });
        answer.on("close", () => resolve(answer.statusCode ?? 0));
        // The status has arrived. The error only cuts off the body.
        answer.on("error", () => resolve(answer.statusCode ?? 0));
      },
    );
    call.on("error", reject);
    call.end(body);
  });

async function resolveAll(hostname: string): Promise<string[]> {
  if (isIP(hostname) !== 0) return [hostname];
  const found = await lookup(hostname, { all: true });
  return found.map((one) => one.address);
}

function withinDeadline<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(new Error("deadline")), { once: true });
    work.then(resolve, reject);
  });
}

function literalAddress(hostname: string): string | null {
  const host = bare(hostname);
  return isIP(host) === 0 ? null : host;
}

/** Without the brackets that an IPv6 address has in a URL. */
function bare(hostname: string): string {
  return hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
}

function hostInUrl(hostname: string): string {
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}

function reasonOf(fault: unknown): string {
  const code: unknown = typeof fault === "object" && fault !== null && "code" in fault ? fault.code : undefined;
  return typeof code === "string" ? `no connection (${code})` : "no connection";
}
