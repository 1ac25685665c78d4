// Decides whether a body may be stored as the bytes that were sent: only if all its content was judged and scanned. Fields beside
// the events (unknown members, a context that every event overrides) are not stored. The first of two members of the same name is
// not stored either: JSON.parse leaves it out, but the text still has it. E7.

import { isObject, type JsonObject } from "@behaviour/contract";
import { ALL_PII, NO_PII } from "../pii/classes.ts";
import { textMayHold } from "../pii/hints.ts";
import type { ParsedBody } from "./parse.ts";

/** Members of a batch's body that are read. All other members are left out. */
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

/** Whether each member of the batch's context is inherited by at least one event: the member was then scanned in that event. */
function usesAll(batchContext: JsonObject, items: readonly unknown[]): boolean {
  const unused = new Set(Object.keys(batchContext));
  for (const item of items) {
    if (unused.size === 0) return true;
    const context = isObject(item) ? item.context : undefined;
    if (!isObject(context)) continue;
    // The contexts are merged by now: a member that came from the batch is the same value.
    for (const key of unused) if (context[key] === batchContext[key]) unused.delete(key);
  }
  return unused.size === 0;
}

/**
 * A text without duplicate members has exactly the quotes of the parsed keys and strings. Each member that was left out adds at
 * least two quotes. An escaped quote adds a quote too, and is not worth distinguishing. Only called for the few texts where it
 * matters. False with a batch's context, which is part of several events by now and would be counted several times.
 */
function holdsNothingTwice({ text, body, batchContext }: ParsedBody): boolean {
  return batchContext === null && quotesIn(text) === 2 * stringsIn(body);
}

function quotesIn(text: string): number {
  let quotes = 0;
  for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', at + 1)) quotes++;
  return quotes;
}

/** Number of keys and strings. The events are within the depth limit, which bounds the recursion. */
function stringsIn(value: unknown): number {
  if (typeof value === "string") return 1;
  if (typeof value !== "object" || value === null) return 0;
  let strings = 0;
  if (Array.isArray(value)) for (const item of value) strings += stringsIn(item);
  else for (const key of Object.keys(value)) strings += 1 + stringsIn((value as JsonObject)[key]);
  return strings;
}
