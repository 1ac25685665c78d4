// Returns the label under which every tier counts an event: its name, else its type. It is cut, because a page's name may be
// longer than an index entry or a map's key can be. Pure.

import { type EnrichedEvent, LIMITS } from "@behaviour/contract";

export function eventLabel(event: Pick<EnrichedEvent, "event" | "type">): string {
  return cutText(event.event === null || event.event === "" ? event.type : event.event, LIMITS.eventNameLength);
}

/** Cuts a text to at most `units` UTF-16 units, and never within a surrogate pair. */
export function cutText(text: string, units: number): string {
  if (text.length <= units) return text;
  const lastUnit = text.charCodeAt(units - 1);
  const splitsPair = lastUnit >= 0xd800 && lastUnit <= 0xdbff;
  return text.slice(0, splitsPair ? units - 1 : units);
}
