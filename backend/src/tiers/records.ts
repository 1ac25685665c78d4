// Decodes a record of the enriched stream into its events, the first step of every tier's consumer. A line that cannot be read
// becomes a failed event and does not block the others. Pure.

import {
  decodeFrame,
  ENRICHED_VERSION,
  type EnrichedEvent,
  FAILED_PAYLOAD_CHARS,
  FAILURES,
  type FailedEvent,
  type FailureCode,
  isObject,
} from "@behaviour/contract";
import type { StreamRecord } from "../stream/event.ts";
import { shardOf } from "../stream/shard-name.ts";
import type { TierName } from "./tier.ts";

/** 9999-12-31. ISO 8601 and Postgres differ in the form of later dates. */
const LATEST_MS = 253_402_300_799_999;

export interface EnrichedRecord {
  sequenceNumber: string;
  events: EnrichedEvent[];
  failed: FailedEvent[];
}

export function decodeEnrichedRecord(tier: TierName, record: StreamRecord, nowMs: number): EnrichedRecord {
  const { sequenceNumber } = record.kinesis;
  const decoded: EnrichedRecord = { sequenceNumber, events: [], failed: [] };
  const fail = (code: FailureCode, value: unknown, payload: string) => {
    const id = `${tier}-${shardOf(record)}-${sequenceNumber}-${decoded.failed.length}`;
    decoded.failed.push(failure({ tier, id, code, nowMs }, value, payload));
  };
  const frame = Buffer.from(record.kinesis.data, "base64");
  try {
    // The codec unpacks the whole frame before its first line, so an unreadable frame has returned no event yet.
    for (const { text, value } of decodeFrame(frame)) {
      if (isEnrichedEvent(value)) decoded.events.push(value);
      else fail("invalid_event", value, text);
    }
  } catch {
    fail("unreadable_frame", undefined, record.kinesis.data);
  }
  return decoded;
}

/**
 * Checks by hand the fields that the tiers rely on. The processor has just written the line from a checked event, and a check of
 * all properties by the schema costs more than storing them.
 */
function isEnrichedEvent(value: unknown): value is EnrichedEvent {
  if (!isObject(value) || value["v"] !== ENRICHED_VERSION) return false;
  const texts = ["project", "messageId", "type", "subject", "consent", "rawShard", "position"];
  if (texts.some((field) => typeof value[field] !== "string" || value[field] === "")) return false;
  if (!isTime(value["timeMs"]) || !isTime(value["receivedAtMs"])) return false;
  if (!isTimeOrNull(value["sentAtMs"]) || !isTimeOrNull(value["originalTimeMs"])) return false;
  if (typeof value["isBot"] !== "boolean" || typeof value["suspect"] !== "boolean") return false;
  return isObject(value["properties"]) && isObject(value["traits"]) && isObject(value["context"]);
}

function isTime(value: unknown): boolean {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= LATEST_MS;
}

function isTimeOrNull(value: unknown): boolean {
  return value === null || isTime(value);
}

interface Failing {
  tier: TierName;
  id: string;
  code: FailureCode;
  nowMs: number;
}

function failure({ tier, id, code, nowMs }: Failing, value: unknown, payload: string): FailedEvent {
  const fields = isObject(value) ? value : {};
  const { project, messageId, receivedAtMs } = fields;
  return {
    id,
    project: typeof project === "string" && project !== "" ? project : "unknown",
    messageId: typeof messageId === "string" ? messageId : null,
    code,
    message: FAILURES[code],
    pointer: null,
    stage: tier,
    failedAtMs: nowMs,
    receivedAtMs: isTime(receivedAtMs) ? (receivedAtMs as number) : null,
    payload: payload.slice(0, FAILED_PAYLOAD_CHARS),
    payloadCut: payload.length > FAILED_PAYLOAD_CHARS,
  };
}
