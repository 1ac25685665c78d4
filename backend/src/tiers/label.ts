// What an event is counted under in every tier: its name, else its type. A page's name may be longer than an index entry or
// a map's key can be, so it is cut. Pure.

import { type EnrichedEvent, LIMITS } from "@behaviour/contract";

export function eventLabel(event: Pick<EnrichedEvent, "event" | "type">): string {
  return cutText(event.event === null || event.event === "" ? event.type : event.event, LIMITS.eventNameLength);
}

/** At most so many UTF-16 units, and never half of a surrogate pair. */
export function cutText(text: string, units: number): string {
  if (text.length <= units) return text;
  const lastUnit = text.charCodeAt(units - 1);
  const splitsPair = lastUnit >= 0xd800 && lastUnit <= 0xdbff;
  return text.slice(0, splitsPair ? units - 1 : units);
}
