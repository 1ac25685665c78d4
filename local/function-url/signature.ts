// Checks SigV4 in the same way as a function URL with IAM authorization. The function behind the URL trusts its caller's headers.
// Every local program can reach a port on loopback, and every web page can reach it through the browser. Steps:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html

import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

const CLOCK_TOLERANCE_MS = 5 * 60_000;
const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/\s]+)\/(\d{8})\/([^/\s]+)\/([^/\s]+)\/aws4_request, ?SignedHeaders=([^,\s]+), ?Signature=([0-9a-f]{64})$/;

export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
}

export interface SignedRequest {
  method: string;
  /** Path and query as they were received. */
  url: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** True when the request was signed with these credentials for the service `lambda`, within five minutes of now. */
export function isSigned(request: SignedRequest, credentials: Credentials, nowMs: number): boolean {
  const match = AUTHORIZATION.exec(request.headers.authorization ?? "");
  const timestamp = request.headers["x-amz-date"];
  if (match === null || typeof timestamp !== "string") return false;
  const [, accessKeyId, day, region, service, signedHeaders, signature] = match as unknown as string[];
  if (accessKeyId !== credentials.accessKeyId || service !== "lambda") return false;
  if (!signedHeaders?.split(";").includes("host") || !isNow(timestamp, day as string, nowMs)) return false;

  const scope = `${day}/${region}/${service}/aws4_request`;
  const canonical = canonicalRequest(request, signedHeaders);
  const toSign = ["AWS4-HMAC-SHA256", timestamp, scope, sha256(canonical)].join("\n");
  let key: Buffer = Buffer.from(`AWS4${credentials.secretAccessKey}`);
  for (const part of scope.split("/")) key = hmac(key, part);
  return timingSafeEqual(hmac(key, toSign), Buffer.from(signature as string, "hex"));
}

function isNow(timestamp: string, day: string, nowMs: number): boolean {
  const iso = timestamp.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z");
  return timestamp.startsWith(day) && Math.abs(Date.parse(iso) - nowMs) <= CLOCK_TOLERANCE_MS;
}

function canonicalRequest({ method, url, headers, body }: SignedRequest, signedHeaders: string): string {
  const { pathname, searchParams } = new URL(url, "http://localhost");
  const path = pathname.replace(/\/+/g, "/").split("/").map(encode).join("/");
  const query = [...searchParams]
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(([a, x], [b, y]) => (a < b ? -1 : a > b ? 1 : x < y ? -1 : x > y ? 1 : 0))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
  const canonicalHeaders = signedHeaders
    .split(";")
    .map(
      (name) =>
        `${name}:${String(headers[name] ?? "")
          .trim()
          .replace(/\s+/g, " ")}\n`,
    )
    .join("");
  return [method, path, query, canonicalHeaders, signedHeaders, sha256(body)].join("\n");
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function sha256(data: string | Buffer): string {
  return createHash("sha256").update(data).digest("hex");
}

function hmac(key: Buffer, data: string): Buffer {
  return createHmac("sha256", key).update(data).digest();
}
