// Decodes a record's frame into its lines. A line that cannot be read becomes a failed event and does not affect the
// other lines. The last line may be the mark of a redelivery or of a replay.

import { gunzipSync } from "node:zlib";
import {
  CounterLine,
  decodeFrame,
  isObject,
  parseTime,
  RedeliveryMark,
  ReplayMark,
  RequestEnvelope,
  type ShardCounters,
} from "@behaviour/contract";
import type { KeptFailure } from "../failed/index.ts";
import { describeText } from "../personal-data/plain-text.ts";
import { failedEvent, unknownSite } from "./failure.ts";
import type { RawRecord } from "./record.ts";
import { keptOriginal } from "./replay-line.ts";

export interface DecodedRecord {
  record: RawRecord;
  /** The shard sent this record again because it did not know whether its first attempt arrived. */
  isMarked: boolean;
  /** The failed event whose original this record holds; null for every record that the edge sends. */
  replay: ReplayMark["replay"] | null;
  lines: DecodedLine[];
  /** The shard's counts, for reconciliation. They are not events. */
  counters: ShardCounters[];
  /** Characters of text in the record. The cost of the later stages grows with them. */
  textChars: number;
}

export type DecodedLine =
  | { kind: "envelope"; envelope: RequestEnvelope; mayHoldEscapes: boolean }
  | { kind: "unreadable"; failed: (index: number) => KeptFailure };

export function decodeRecord(record: RawRecord): DecodedRecord {
  const decoded: DecodedRecord = { record, isMarked: false, replay: null, lines: [], counters: [], textChars: 0 };
  try {
    for (const line of decodeFrame(record.frame)) addLine(decoded, line.text, line.value);
  } catch {
    // Nothing was added yet: the codec decodes the whole frame before it yields the first line.
    for (const text of salvageLines(record.frame)) addLine(decoded, text, parsed(text));
    if (decoded.lines.length === 0 && decoded.counters.length === 0) decoded.lines.push(unreadableFrame(record));
  }
  return decoded;
}

function addLine(decoded: DecodedRecord, text: string, value: unknown): void {
  decoded.textChars += text.length;
  const { record } = decoded;
  const envelope = RequestEnvelope.safeParse(value);
  if (envelope.success && parseTime(envelope.data.receivedAtMs) !== null) {
    // Only a JSON escape can bring in a control character or a lone surrogate.
    decoded.lines.push({ kind: "envelope", envelope: envelope.data, mayHoldEscapes: text.includes("\\") });
    return;
  }
  const counters = CounterLine.safeParse(value);
  if (counters.success) {
    decoded.counters.push(counters.data.counters);
  } else if (RedeliveryMark.safeParse(value).success) {
    decoded.isMarked = true;
  } else if (ReplayMark.safeParse(value).success) {
    decoded.replay = (value as ReplayMark).replay;
  } else {
    const path = envelope.success ? "receivedAtMs" : envelope.error.issues[0]?.path.join("/");
    const pointer = value === undefined || path === undefined ? null : `/${path}`;
    const project = projectOf(value);
    decoded.lines.push({
      kind: "unreadable",
      failed: (index) => ({
        ...failedEvent(
          unknownSite(record, index, project),
          { code: "unreadable_envelope", pointer },
          value ?? describeText(text),
        ),
        ...withOriginal(text),
      }),
    });
  }
}

function unreadableFrame(record: RawRecord): DecodedLine {
  return {
    kind: "unreadable",
    failed: (index) => {
      // An intact part of the frame may hold any data, so the failed event shows only the first bytes.
      const start = Buffer.from(record.frame.subarray(0, SHOWN_BYTES)).toString("hex");
      const payload = `${record.frame.byteLength} bytes, ${start}…`;
      return failedEvent(unknownSite(record, index, null), { code: "unreadable_frame", pointer: null }, payload);
    },
  };
}

/** The header of a gzip member. */
const SHOWN_BYTES = 10;

function withOriginal(line: string): { original?: string } {
  const original = keptOriginal(line);
  return original === undefined ? {} : { original };
}

const SALVAGE_MAX_BYTES = 64 * 1024 * 1024;

/** The lines of a frame that contains invalid UTF-8. Only the lines with invalid bytes are lost to the parser. */
function salvageLines(frame: Uint8Array): string[] {
  try {
    return gunzipSync(frame, { maxOutputLength: SALVAGE_MAX_BYTES }).toString("utf8").split("\n").filter(Boolean);
  } catch {
    return []; // Not gzip, truncated, or a decompression bomb. The whole frame becomes one failed event.
  }
}

/** A line with a replacement character is not what was sent, so it counts as unreadable. */
function parsed(text: string): unknown {
  if (text.includes("\uFFFD")) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const PROJECT = /^[\w.-]{1,64}$/;

function projectOf(value: unknown): string | null {
  if (!isObject(value)) return null;
  return typeof value.project === "string" && PROJECT.test(value.project) ? value.project : null;
}
