// Whether a body may be stored as its own bytes: only when it holds nothing but what was judged and looked at. What stands
// beside the events (unknown members, a context that every event overrides) is not stored, and neither is the first of two
// members of one name, which JSON.parse leaves out and the text does not. E7.

import { isObject, type JsonObject } from "@behaviour/contract";
import { ALL_PII, NO_PII } from "../pii/classes.ts";
import { textMayHold } from "../pii/hints.ts";
import type { ParsedBody } from "./parse.ts";

/** Members of a batch's body that are read; all others are left out. */
const BATCH_MEMBERS: ReadonlySet<string> = new Set(["batch", "context", "sentAt", "writeKey"]);

export function mayTravelAsSent(parsed: ParsedBody): boolean {
  if (parsed.shape === "batch" && !hasOnlyEvents(parsed)) return false;
  const { text } = parsed;
  const mayHide = textMayHold(text, ALL_PII) !== NO_PII || text.includes('"ip');
  return !mayHide || holdsNothingTwice(parsed);
}

function hasOnlyEvents({ body, batchContext, items, sentAt }: ParsedBody): boolean {
  if (body.sentAt !== sentAt && body.sentAt !== null) return false;
  for (const member of Object.keys(body)) if (!BATCH_MEMBERS.has(member)) return false;
  return batchContext === null || usesAll(batchContext, items);
}

/** Whether each member of the batch's context is in force for at least one event: then it was looked at there. */
function usesAll(batchContext: JsonObject, items: readonly unknown[]): boolean {
  const unused = new Set(Object.keys(batchContext));
  for (const item of items) {
    if (unused.size === 0) return true;
    const context = isObject(item) ? item.context : undefined;
    if (!isObject(context)) continue;
    // Merged by now: what came from the batch is the same value.
    for (const key of unused) if (context[key] === batchContext[key]) unused.delete(key);
  }
  return unused.size === 0;
}

/**
 * A text without members of one name has just the quotes of the parsed keys and strings; each member that was left out has at
 * least two more, and so has an escaped quote, which is not worth telling apart. Only for the few texts where it matters: a
 * batch's context is part of several events by now, and counted as if it were there several times.
 */
function holdsNothingTwice({ text, body, batchContext }: ParsedBody): boolean {
  return batchContext === null && quotesIn(text) === 2 * stringsIn(body);
}

function quotesIn(text: string): number {
  let quotes = 0;
  for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', at + 1)) quotes++;
  return quotes;
}

/** Keys and strings; the events are within the depth limit. */
function stringsIn(value: unknown): number {
  if (typeof value === "string") return 1;
  if (typeof value !== "object" || value === null) return 0;
  let strings = 0;
  if (Array.isArray(value)) for (const item of value) strings += stringsIn(item);
  else for (const key of Object.keys(value)) strings += 1 + stringsIn((value as JsonObject)[key]);
  return strings;
}
