// Parses the body and determines its shape: a batch or a single event.

import { Buffer } from "node:buffer";
import { isObject, type JsonObject, LIMITS, parseTime, type RejectionCode, sizeText } from "@behaviour/contract";
import { Refusal } from "../answer/refusal.ts";
import { parseJson } from "../body/json.ts";
import type { SentBody } from "../body/read.ts";
import { EventTexts } from "./event-texts.ts";
import { heavyEvents, lighten } from "./lighten.ts";
import type { IngestRoute } from "./routes.ts";
import { type SkimmedBody, type SkimmedEvent, skim } from "./skim.ts";

export interface ParsedBody {
  shape: "batch" | "event";
  /** The parsed top level. */
  body: JsonObject;
  /**
   * The parsed events; for a single event, the body itself. An item may be any value: items are judged one by one. The item of an
   * ordinary event (skim.ts) is null.
   */
  items: readonly unknown[];
  /** The batch's own `context`, which is merged under each item's context; null if the batch has no context. */
  batchContext: JsonObject | null;
  /** The batch's own `sentAt`; undefined if it is missing or unreadable. */
  sentAt: unknown;
  /** The JSON text as sent, without the values that lighten.ts removed. */
  text: string;
  sent: SentBody;
  /** The position of each event, if the fast lane accepted the body; else null. */
  skimmed: readonly SkimmedEvent[] | null;
  /** Events that were removed before parsing, with the reason (lighten.ts). */
  heavy: ReadonlyMap<number, RejectionCode> | null;
  /** The body is not worth compressing (density.ts). Set when the body is stored. */
  isDense: boolean;
}

export function parseBody(sent: SentBody, route: IngestRoute): ParsedBody | Refusal {
  return skimBody(sent, route) ?? parseWhole(sent, route);
}

/** @returns null for a body that the fast lane does not accept, or that has few ordinary events. */
function skimBody(sent: SentBody, route: IngestRoute): ParsedBody | null {
  const shape = route.kind === "event" || route.kind === "batch" ? route.kind : null;
  const skimmed = shape === null || sent.bytes === null ? null : skim(sent.bytes, sent.text, shape);
  if (shape === null || skimmed === null) return null;
  // An unreadable `sentAt` must not be stored, so the slow lane parses such a body.
  if (skimmed.sentAt !== null && parseTime(skimmed.sentAt) === null) return null;
  const { events } = skimmed;
  const unusual = events.filter(({ fields }) => fields === null).length;
  // Parsing events one by one takes more time than parsing them together, and less memory.
  if (2 * unusual > events.length && sent.byteLength <= PARSED_TOGETHER_BYTES) return null;
  const parsed = skimmedBody(shape, skimmed, sent);
  try {
    const texts = new EventTexts(parsed);
    const heavy = unusual === 0 ? null : heavyEvents(events, sent.text, (index) => texts.text(index));
    // The rejection quotes the event's `messageId`. lighten.ts keeps the event's texts.
    if (heavy !== null && shape === "event") return null;
    const items = events.map(({ fields }, index) =>
      fields !== null || heavy?.has(index) === true ? null : (JSON.parse(texts.text(index)) as unknown),
    );
    return { ...parsed, heavy, items };
  } catch {
    return null; // An escape or a number that is not valid JSON.
  }
}

const PARSED_TOGETHER_BYTES = 128 * 1024;

function skimmedBody(shape: "batch" | "event", skimmed: SkimmedBody, sent: SentBody): ParsedBody {
  const { events, writeKey } = skimmed;
  const sentAt = skimmed.sentAt ?? undefined;
  const { text } = sent;
  return { shape, body: { writeKey }, items: [], batchContext: null, sentAt, text, sent, skimmed: events, ...FRESH };
}

/** The slow lane: parses the body as a whole. */
export function parseWhole(sent: SentBody, route: IngestRoute): ParsedBody | Refusal {
  const light = lighten(sent.text, route.kind === "batch" || route.kind === "beacon");
  if (light instanceof Refusal) return light;
  const { text, heavy } = light;
  const body = parseJson(text);
  if (body instanceof Refusal) return body;
  if (!isObject(body)) return new Refusal("invalid_payload");
  const isBatch = route.kind === "batch" || (route.kind === "beacon" && "batch" in body);
  if (!isBatch) return { ...WITHOUT_BATCH, body, items: [body], text, sent, heavy, isDense: false };
  const { batch, context } = body;
  if (!Array.isArray(batch)) return new Refusal("invalid_payload", { pointer: "/batch" });
  if (batch.length === 0) return new Refusal("empty_batch", { pointer: "/batch" });
  if (batch.length > LIMITS.eventsPerRequest) return new Refusal("batch_too_large", { pointer: "/batch" });
  if (context !== undefined && context !== null && !isObject(context)) {
    return new Refusal("invalid_payload", { pointer: "/context" });
  }
  const batchContext = isObject(context) ? context : null;
  // The body's limit also applies with the context merged into every event, and each event must then still fit into a record.
  const contextBytes = batchContext === null ? 0 : jsonBytes(batchContext);
  if (contextBytes > LIMITS.batchContextBytes || sent.byteLength + batch.length * contextBytes > LIMITS.bodyBytes) {
    return new Refusal("payload_too_large", { message: CONTEXT_TOO_LARGE });
  }
  const sentAt = parseTime(body.sentAt) === null ? undefined : body.sentAt;
  return { shape: "batch", body, items: batch, batchContext, sentAt, text, sent, skimmed: null, heavy, isDense: false };
}

const FRESH = { heavy: null, isDense: false } as const;
const WITHOUT_BATCH = { shape: "event", batchContext: null, sentAt: undefined, skimmed: null } as const;

const CONTEXT_TOO_LARGE = `The batch's context is larger than ${sizeText(LIMITS.batchContextBytes)}, or the body with the context merged into every event is larger than ${sizeText(LIMITS.bodyBytes)}.`;

/** 0 for a value that is too deep to be serialized: it is judged as a part of its events. */
function jsonBytes(value: JsonObject): number {
  try {
    return Buffer.byteLength(JSON.stringify(value));
  } catch {
    return 0;
  }
}
