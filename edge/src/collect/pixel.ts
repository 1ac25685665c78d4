// Answers `GET /v1/pixel.gif?data=<base64url JSON>`, which carries one event from a place where no script runs (mails, noscript).
// The answer is always the picture, even if the event is refused: no program there could read another answer.
// docs/API_DOCUMENTATION.md#sending-events.

import { Buffer } from "node:buffer";
import { LIMITS } from "@behaviour/contract";
import { authenticate, keyInBody } from "../access/authenticate.ts";
import { Refusal } from "../answer/refusal.ts";
import { pixel } from "../answer/respond.ts";
import { type SentBody, sentBody } from "../body/read.ts";
import type { Env } from "../env.ts";
import { log } from "../log.ts";
import { noteRefused } from "../note-refusal.ts";
import { parseBody } from "./parse.ts";
import { store } from "./pipeline.ts";

const ROUTE = { kind: "pixel" } as const;
/** Base64 in either alphabet, padded or not. `+` arrives as a space if the sender did not escape it. */
const BASE64 = /^[A-Za-z0-9+/_ -]+={0,2}$/;

export async function collectPixel(request: Request, env: Env, requestId: string): Promise<Response> {
  try {
    const answer = await collectEvent(request, env, requestId);
    if (answer instanceof Refusal) noteRefused(answer, new URL(request.url).pathname, request, env, requestId);
    else await answer.body?.cancel();
  } catch (fault) {
    log("error", "pixel failed", { requestId, fault });
  }
  return pixel(requestId);
}

async function collectEvent(request: Request, env: Env, requestId: string): Promise<Response | Refusal> {
  const receivedAtMs = Date.now();
  const bytes = readData(new URL(request.url).searchParams.get("data") ?? "");
  if (bytes instanceof Refusal) return bytes;
  const sent = decode(bytes);
  if (sent instanceof Refusal) return sent;
  const parsed = parseBody(sent, ROUTE);
  if (parsed instanceof Refusal) return parsed;
  const key = keyInBody(parsed.body);
  if (key instanceof Refusal) return key;
  if (key === null) return new Refusal("missing_api_key");
  const record = await authenticate(key, request, "write", env, receivedAtMs);
  if (record instanceof Refusal) return record;
  // A secret key in a URL is already in the log of another system.
  if (record.kind === "secret") return new Refusal("secret_key_in_browser").of(record.project);
  return store(parsed, { key: record, requestId, receivedAtMs, isSecretInBody: false }, ROUTE, request, env);
}

/** The limit of 8 KiB applies to the decoded JSON, not to its base64 text. */
function readData(data: string): Uint8Array | Refusal {
  if (data === "") return new Refusal("empty_body");
  if (data.length > Math.ceil(LIMITS.pixelDataBytes / 3) * 4) return new Refusal("payload_too_large");
  if (!BASE64.test(data)) return new Refusal("invalid_encoding");
  const bytes = Buffer.from(data.replaceAll(" ", "+"), "base64");
  return bytes.byteLength > LIMITS.pixelDataBytes ? new Refusal("payload_too_large") : bytes;
}

function decode(bytes: Uint8Array): SentBody | Refusal {
  try {
    return sentBody(bytes);
  } catch {
    return new Refusal("invalid_encoding");
  }
}
