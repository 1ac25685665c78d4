// Reads the body of a consent call, which must be small and uncompressed, so that reading any body costs little.
// docs/API_DOCUMENTATION.md#consent.

import { hasControl, isObject, LIMITS, sizeText } from "@behaviour/contract";
import { Refusal } from "../answer/refusal.ts";
import { parseJson } from "../body/json.ts";
import { type BodyBounds, type BodyHead, readBody } from "../body/read.ts";
import { memberText } from "../body/slices.ts";
import { isBlank } from "../collect/scan.ts";

const NOT_PLAIN = "The body of a consent call must not have a Content-Encoding.";

const BOUNDS: BodyBounds = {
  bytes: LIMITS.consentBodyBytes,
  compressedBytes: 0,
  tooLarge: `The body of a consent call is larger than ${sizeText(LIMITS.consentBodyBytes)}.`,
};

export async function readConsentBody(request: Request, how: BodyHead): Promise<string | Refusal> {
  if (how.gzip) return new Refusal("unsupported_encoding", { message: NOT_PLAIN }).unread(request.body);
  const read = await readBody(request, how, BOUNDS);
  if (read instanceof Refusal) return read;
  using body = read;
  return body.text;
}

export function parseConsentBody(text: string): Record<string, unknown> | Refusal {
  const body = parseJson(text);
  if (body instanceof Refusal) return body;
  return isObject(body) ? body : new Refusal("invalid_payload");
}

/**
 * A number is accepted as its text, as in events. If a double can't hold the number exactly, its text is used as sent.
 * @param text the text of the body.
 */
export function idInBody(body: Record<string, unknown>, text: string, name: string): string | null | Refusal {
  const value = body[name];
  if (value === undefined || value === null) return null;
  if (typeof value !== "number") return checkId(value, `/${name}`);
  const isExact = Math.abs(value) <= Number.MAX_SAFE_INTEGER;
  return checkId(isExact ? String(value) : memberText(text, name), `/${name}`);
}

export function checkId(id: unknown, pointer: string): string | Refusal {
  const usable = typeof id === "string" && id !== "" && !isBlank(id) && id.length <= LIMITS.idLength && !hasControl(id);
  return usable ? id.toWellFormed() : new Refusal("invalid_parameter", { pointer });
}
