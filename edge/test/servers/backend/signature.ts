// Verifies AWS Signature Version 4 on the receiving side. It is written from the specification, not from our client's code.

import { createHash, createHmac } from "node:crypto";

export interface SignedRequest {
  method: string;
  /** Includes the query string. */
  url: string;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

const FORM =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/;

/** @returns the signed headers and the service, or null if the signature is wrong */
export function verifySignature(request: SignedRequest, secret: string): { service: string; headers: string[] } | null {
  const match = FORM.exec(String(request.headers.authorization));
  if (match === null) return null;
  const [, , date, region, service, signedHeaders, signature] = match as unknown as string[];
  const headers = (signedHeaders as string).split(";");
  const url = new URL(request.url, "http://host");
  const query = [...url.searchParams]
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort((a, b) => compare(a[0], b[0]) || compare(a[1], b[1]))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
  const canonical = [
    request.method,
    url.pathname
      .split("/")
      .map((part) => encode(part))
      .join("/"),
    query,
    ...headers.map((name) => `${name}:${String(request.headers[name]).trim().replace(/ +/g, " ")}`),
    "",
    signedHeaders,
    sha256(request.body),
  ].join("\n");
  const scope = `${date}/${region}/${service}/aws4_request`;
  const toSign = ["AWS4-HMAC-SHA256", request.headers["x-amz-date"], scope, sha256(canonical)].join("\n");
  const key = [date, region, service, "aws4_request"].reduce<string | Buffer>(
    (last, part) =>
      createHmac("sha256", last)
        .update(part as string)
        .digest(),
    `AWS4${secret}`,
  );
  const expected = createHmac("sha256", key).update(toSign).digest("hex");
  return expected === signature ? { service: service as string, headers } : null;
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
