// The body of a consent call: small and plain, so that reading it costs little whatever it holds. API.md §4.

import { isObject, LIMITS } from "@behaviour/contract";
import { hasControl } from "../collect/scan.ts";
import { memberText } from "../collect/slices.ts";
import { Refusal } from "../refusal.ts";

const TOO_LARGE = "The body of a consent call is larger than 16 KiB.";
const NOT_PLAIN = "The body of a consent call is sent plain: no Content-Encoding.";

/** What is too large is answered before it has arrived. */
export async function readConsentBody(request: Request): Promise<string | Refusal> {
  const encoding = (request.headers.get("Content-Encoding") ?? "").trim().toLowerCase();
  if (encoding !== "" && encoding !== "identity") return new Refusal("unsupported_encoding", { message: NOT_PLAIN });
  if (Number(request.headers.get("Content-Length") ?? 0) > LIMITS.consentBodyBytes) return tooLarge();
  const { body } = request;
  if (body === null) return new Refusal("empty_body");
  const bytes = new Uint8Array(LIMITS.consentBodyBytes);
  const reader = body.getReader();
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (length + value.byteLength > bytes.byteLength) {
      reader.cancel().catch(() => {});
      return tooLarge();
    }
    bytes.set(value, length);
    length += value.byteLength;
  }
  if (length === 0) return new Refusal("empty_body");
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes.subarray(0, length));
  } catch {
    return new Refusal("invalid_encoding");
  }
}

function tooLarge(): Refusal {
  return new Refusal("payload_too_large", { message: TOO_LARGE });
}

export function parseConsentBody(text: string): Record<string, unknown> | Refusal {
  try {
    const body: unknown = JSON.parse(text);
    return isObject(body) ? body : new Refusal("invalid_payload");
  } catch {
    return new Refusal(text.trim() === "" ? "empty_body" : "invalid_json");
  }
}

/**
 * A number is taken as its text, as on events: as it was sent where no double holds it.
 * @param text the body's.
 */
export function idInBody(body: Record<string, unknown>, text: string, name: string): string | null | Refusal {
  const value = body[name];
  if (value === undefined || value === null) return null;
  if (typeof value !== "number") return checkId(value, `/${name}`);
  const isExact = Math.abs(value) <= Number.MAX_SAFE_INTEGER;
  return checkId(isExact ? String(value) : memberText(text, name), `/${name}`);
}

export function checkId(id: unknown, pointer: string): string | Refusal {
  const usable = typeof id === "string" && id.trim() !== "" && id.length <= LIMITS.idLength && !hasControl(id);
  return usable ? id.toWellFormed() : new Refusal("invalid_parameter", { pointer });
}
