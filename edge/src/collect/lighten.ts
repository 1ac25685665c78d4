// A body with absurdly many objects and arrays is not parsed as it is: the events that no limit would let pass are taken out of
// its text first, so that their batch-mates are judged as always and the isolate survives. Everybody else's body is left alone.

import { LIMITS, type RejectionCode } from "@behaviour/contract";
import { Refusal } from "../refusal.ts";
import { countOpenings, depthOf, isJson } from "./json-text.ts";
import { partTexts, splitMember } from "./slices.ts";

export interface LightBody {
  text: string;
  /** Why events are refused that stand as `null` in the text, by index (a single event is 0); null when there are none. */
  heavy: Map<number, RejectionCode> | null;
}

export function lighten(text: string): LightBody | Refusal {
  // A text can't hold more of them than it has characters; that alone spares almost every body the look.
  if (text.length <= LIMITS.openingsParsed) return { text, heavy: null };
  if (countOpenings(text, LIMITS.openingsParsed) <= LIMITS.openingsParsed) return { text, heavy: null };
  if (!isJson(text)) return new Refusal("invalid_json");
  if (!text.trimStart().startsWith("{")) return new Refusal("invalid_payload");
  let heavy = new Map<number, RejectionCode>();
  let isHeavyItself: RejectionCode | null = null;
  let events = 1;
  const members: string[] = [];
  for (const member of partTexts(text)) {
    const { key, keyText, value } = splitMember(member);
    if (key === "batch" && value.startsWith("[")) {
      const items = partTexts(value, LIMITS.eventsPerRequest);
      if (items.length > LIMITS.eventsPerRequest) return new Refusal("batch_too_large", { pointer: "/batch" });
      // Of a name that stands twice the last one counts.
      heavy = new Map();
      events = items.length;
      members.push(`${keyText}:[${items.map((item, index) => lightItem(item, index, heavy)).join(",")}]`);
    } else {
      const code = heavyCode(value, 1);
      isHeavyItself ??= code;
      members.push(code === null ? member : `${keyText}:null`);
    }
  }
  // A single event; of a batch it is the context or another member, which every event would have had to carry.
  if (isHeavyItself !== null) for (let index = 0; index < events; index++) heavy.set(index, isHeavyItself);
  return { text: `{${members.join(",")}}`, heavy };
}

function lightItem(item: string, index: number, heavy: Map<number, RejectionCode>): string {
  const code = heavyCode(item, 0);
  if (code === null) return item;
  heavy.set(index, code);
  return "null";
}

/** @param above levels of the event that the text does not show. */
function heavyCode(text: string, above: number): RejectionCode | null {
  if (countOpenings(text, LIMITS.nodesPerEvent) <= LIMITS.nodesPerEvent) return null;
  return depthOf(text) + above > LIMITS.depth ? "too_deep" : "too_many_properties";
}
