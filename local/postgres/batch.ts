// The content of a client's batch of messages before the session sees it: its statements, and the statements that must not run.

import { cString, type Frame, message, query, readCString } from "./messages.ts";
import { changesLogin, type SessionSettings } from "./settings.ts";

export interface Batch {
  frames: Frame[];
  bytes: number;
}

const HOLDS_COPY_IN = /\bcopy\b[\s\S]*\bfrom\s+stdin\b/i;
const COPY_IN = /^\s*copy\b[\s\S]*\bfrom\s+stdin\b/i;
/** The statement in a Query or Parse message. */
export function textOf(frame: Frame | undefined): string | undefined {
  if (frame?.type === "Q") return readCString(frame.body, 0).text;
  if (frame?.type === "P") return readCString(frame.body, readCString(frame.body, 0).end).text;
  return undefined;
}

export function replaceText(frame: Frame, text: string, replacement: string): Frame {
  if (textOf(frame) !== text) return frame;
  const bytes =
    frame.type === "Q"
      ? query(replacement)
      : message("P", readCString(frame.body, 0).text, cString(replacement), Buffer.from([0, 0]));
  return { type: frame.type, bytes, body: bytes.subarray(5) };
}

/**
 * Returns a statement that raises an error in place of a batch which would crash the engine or which the engine would wrongly
 * allow.
 */
export function refuse(batch: Batch, settings: SessionSettings): string | undefined {
  if (batch.frames.some((frame) => changesLogin(settings, textOf(frame) ?? ""))) {
    return raising("permission denied to set session authorization", "42501");
  }
  const [first] = batch.frames;
  const isCopy = first?.type === "Q" && COPY_IN.test(textOf(first) ?? "");
  if (isCopy || !batch.frames.some((frame) => HOLDS_COPY_IN.test(textOf(frame) ?? ""))) return undefined;
  return raising("COPY FROM STDIN must be a simple query of its own here", "0A000");
}

function raising(text: string, code: string): string {
  return `DO $$ BEGIN RAISE EXCEPTION '${text}' USING ERRCODE = '${code}'; END $$`;
}

/** A Query that is a COPY FROM STDIN. Its data follow in separate messages. */
export function isCopyIn(text: string): boolean {
  return COPY_IN.test(text);
}
