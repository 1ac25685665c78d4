// Stage 3: the body as a value, and its shape: a batch or a single event.

import { Buffer } from "node:buffer";
import { isObject, LIMITS, parseTime, type RejectionCode } from "@behaviour/contract";
import { Refusal } from "../refusal.ts";
import { parseJson } from "./json.ts";
import { lighten } from "./lighten.ts";
import type { IngestRoute } from "./routes.ts";

export type JsonObject = Record<string, unknown>;

export interface ParsedBody {
  shape: "batch" | "event";
  /** The parsed top level. */
  body: JsonObject;
  /** The events as parsed; for a single event the body itself. Items may be anything: they are judged one by one. */
  items: readonly unknown[];
  /** The batch's own `context`, to be merged under each item's; null when it has none. */
  batchContext: JsonObject | null;
  /** The batch's own `sentAt`; undefined when it has none that can be read. */
  sentAt: unknown;
  /** The JSON text as sent. */
  text: string;
  /** UTF-8 bytes of the body. */
  bytes: number;
  /** Events that were taken out before parsing, with the reason: lighten.ts. */
  heavy: ReadonlyMap<number, RejectionCode> | null;
}

export function parseBody(sent: string, bytes: number, route: IngestRoute): ParsedBody | Refusal {
  const light = lighten(sent, route.kind === "batch" || route.kind === "beacon");
  if (light instanceof Refusal) return light;
  const { text, heavy } = light;
  const body = parseJson(text);
  if (body instanceof Refusal) return body;
  if (!isObject(body)) return new Refusal("invalid_payload");
  const isBatch = route.kind === "batch" || (route.kind === "beacon" && "batch" in body);
  if (!isBatch)
    return { shape: "event", body, items: [body], batchContext: null, sentAt: undefined, text, bytes, heavy };
  const { batch, context } = body;
  if (!Array.isArray(batch)) return new Refusal("invalid_payload", { pointer: "/batch" });
  if (batch.length === 0) return new Refusal("empty_batch", { pointer: "/batch" });
  if (batch.length > LIMITS.eventsPerRequest) return new Refusal("batch_too_large", { pointer: "/batch" });
  if (context !== undefined && context !== null && !isObject(context)) {
    return new Refusal("invalid_payload", { pointer: "/context" });
  }
  const batchContext = isObject(context) ? context : null;
  // The events with the context merged in count too; and with it each of them must still fit into a record.
  const contextBytes = batchContext === null ? 0 : jsonBytes(batchContext);
  if (contextBytes > LIMITS.batchContextBytes || bytes + batch.length * contextBytes > LIMITS.bodyBytes) {
    return new Refusal("payload_too_large", { message: CONTEXT_TOO_LARGE });
  }
  const sentAt = parseTime(body.sentAt) === null ? undefined : body.sentAt;
  return { shape: "batch", body, items: batch, batchContext, sentAt, text, bytes, heavy };
}

const CONTEXT_TOO_LARGE =
  "The batch's context is larger than 900,000 bytes, or the body is larger than 4 MiB with it merged into every event.";

/** 0 for what is too deep to be written: it is judged with its events. */
function jsonBytes(value: JsonObject): number {
  try {
    return Buffer.byteLength(JSON.stringify(value));
  } catch {
    return 0;
  }
}
