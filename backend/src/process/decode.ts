// Stage 1: a record's frame into its lines. What cannot be read becomes a failed event of its own and harms none of the
// lines beside it. The last line may be the mark of a second try.

import { gunzipSync } from "node:zlib";
import {
  decodeFrame,
  type FailedEvent,
  isObject,
  parseTime,
  RedeliveryMark,
  RequestEnvelope,
} from "@behaviour/contract";
import { failedEvent, unknownSite } from "./failure.ts";
import type { RawRecord } from "./record.ts";

export interface DecodedRecord {
  record: RawRecord;
  /** The shard did not know whether its first try arrived. */
  isMarked: boolean;
  lines: DecodedLine[];
  /** Characters of text in it: what the rest of the path costs. */
  textChars: number;
}

export type DecodedLine =
  | { kind: "envelope"; envelope: RequestEnvelope; mayHoldEscapes: boolean }
  | { kind: "unreadable"; failed: (index: number) => FailedEvent };

export function decodeRecord(record: RawRecord): DecodedRecord {
  const decoded: DecodedRecord = { record, isMarked: false, lines: [], textChars: 0 };
  try {
    for (const line of decodeFrame(record.frame)) addLine(decoded, line.text, line.value);
  } catch {
    // Nothing was added yet: the codec opens the whole frame before its first line.
    for (const text of salvageLines(record.frame)) addLine(decoded, text, parsed(text));
    if (decoded.lines.length === 0) decoded.lines.push(unreadableFrame(record));
  }
  return decoded;
}

function addLine(decoded: DecodedRecord, text: string, value: unknown): void {
  decoded.textChars += text.length;
  const { record } = decoded;
  const envelope = RequestEnvelope.safeParse(value);
  if (envelope.success && parseTime(envelope.data.receivedAtMs) !== null) {
    // A control character or a lone surrogate can only have come in by an escape.
    decoded.lines.push({ kind: "envelope", envelope: envelope.data, mayHoldEscapes: text.includes("\\") });
  } else if (RedeliveryMark.safeParse(value).success) {
    decoded.isMarked = true;
  } else {
    const path = envelope.success ? "receivedAtMs" : envelope.error.issues[0]?.path.join("/");
    const pointer = value === undefined || path === undefined ? null : `/${path}`;
    const project = projectOf(value);
    decoded.lines.push({
      kind: "unreadable",
      failed: (index) =>
        failedEvent(unknownSite(record, index, project), { code: "unreadable_envelope", pointer }, text),
    });
  }
}

function unreadableFrame(record: RawRecord): DecodedLine {
  return {
    kind: "unreadable",
    failed: (index) => {
      const payload = Buffer.from(record.frame).toString("base64");
      return failedEvent(unknownSite(record, index, null), { code: "unreadable_frame", pointer: null }, payload);
    },
  };
}

const SALVAGE_MAX_BYTES = 64 * 1024 * 1024;

/** The lines of a frame that holds invalid UTF-8 somewhere: only the lines that hold it are lost to the parser. */
function salvageLines(frame: Uint8Array): string[] {
  try {
    return gunzipSync(frame, { maxOutputLength: SALVAGE_MAX_BYTES }).toString("utf8").split("\n").filter(Boolean);
  } catch {
    return []; // No gzip at all, cut short, or a bomb: the frame is kept as it is.
  }
}

/** A line with a replaced byte is not what was sent: it counts as unreadable. */
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
