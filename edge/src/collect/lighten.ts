// A body with absurdly many values is not parsed as it is: the events that no limit would let pass are taken out of its text
// first, so that their batch-mates are judged as always and the isolate survives. Everybody else's body is left alone.

import { LIMITS, type RejectionCode } from "@behaviour/contract";
import { Refusal } from "../answer/refusal.ts";
import { brokenLimit, countUnits, isJson, openingsSeen } from "../body/json-text.ts";
import { partTexts, splitMember } from "../body/slices.ts";
import { Names } from "./names.ts";
import type { SkimmedEvent } from "./skim.ts";

export interface LightBody {
  text: string;
  /** Why events are refused that stand as `null` in the text, by index (a single event is 0); null when there are none. */
  heavy: Map<number, RejectionCode> | null;
}

/** @param mayBeBatch whether a member `batch` holds events; else the body is one. */
export function lighten(text: string, mayBeBatch: boolean): LightBody | Refusal {
  if (!isHeavy(text)) return { text, heavy: null };
  if (!isJson(text)) return new Refusal("invalid_json");
  if (!text.trimStart().startsWith("{")) return new Refusal("invalid_payload");
  // An event has no more members; a batch's own that come after so many are nothing anyone reads.
  const members = partTexts(text, LIMITS.keysPerObject).map(splitMember);
  const isBatch = mayBeBatch && members.some(({ key, value }) => key === "batch" && value.startsWith("["));
  return isBatch ? lightBatch(members) : lightEvent(text, members);
}

/** A text can't hold more of them than it has characters; that alone spares almost every body the look. */
function isHeavy(text: string): boolean {
  return (
    hasManyMembers(text) ||
    (text.length > LIMITS.openingsParsed &&
      (countUnits(text, "{", LIMITS.openingsParsed) + countUnits(text, "[", LIMITS.openingsParsed) >
        LIMITS.openingsParsed ||
        countUnits(text, ",", LIMITS.openingsParsed) > LIMITS.openingsParsed))
  );
}

type Member = ReturnType<typeof splitMember>;

/** Of a refused event only its texts are read: its id, its key. */
function lightEvent(text: string, members: readonly Member[]): LightBody {
  // With so many values it breaks one: if not these, its size.
  const code = brokenLimit(text, 0) ?? "event_too_large";
  const kept = members.filter(({ value }) => value.startsWith('"'));
  return { text: objectOf(kept.map(({ keyText, value }) => `${keyText}:${value}`)), heavy: new Map([[0, code]]) };
}

function lightBatch(members: readonly Member[]): LightBody | Refusal {
  let heavy = new Map<number, RejectionCode>();
  let isHeavyItself: RejectionCode | null = null;
  let events = 0;
  const light: string[] = [];
  for (const { key, keyText, value } of members) {
    if (key === "batch" && value.startsWith("[")) {
      const items = partTexts(value, LIMITS.eventsPerRequest);
      if (items.length > LIMITS.eventsPerRequest) return new Refusal("batch_too_large", { pointer: "/batch" });
      // If a key appears twice, the last value wins, as in `JSON.parse`.
      heavy = new Map();
      events = items.length;
      const load = new Load();
      light.push(`${keyText}:[${items.map((item, index) => lightItem(item, index, heavy, load)).join(",")}]`);
    } else {
      const code = brokenLimit(value, 1);
      isHeavyItself ??= code;
      light.push(code === null ? `${keyText}:${value}` : `${keyText}:null`);
    }
  }
  // The context or another member, which every event would have had to carry.
  if (isHeavyItself !== null) for (let index = 0; index < events; index++) heavy.set(index, isHeavyItself);
  return { text: objectOf(light), heavy };
}

function objectOf(members: readonly string[]): string {
  return `{${members.join(",")}}`;
}

function lightItem(item: string, index: number, heavy: Map<number, RejectionCode>, load: Load): string {
  const code = brokenLimit(item, 0) ?? heavyText(item, load);
  if (code === null) return item;
  heavy.set(index, code);
  return "null";
}

function heavyText(item: string, load: Load): RejectionCode | null {
  // Whatever it holds, it is larger than an event may be: units of UTF-16 are never more than bytes of UTF-8.
  if (item.length > LIMITS.eventBytes) return "event_too_large";
  return load.takes(openingsSeen, item) ? null : "too_many_properties";
}

/** What the events of a body that are parsed bring together. */
class Load {
  readonly #names = new Names();
  #openings = 0;

  /** @param text null when its keys need not be counted */
  takes(openingsOfEvent: number, text: string | null): boolean {
    if (this.#openings + openingsOfEvent > LIMITS.openingsParsed) return false;
    if (text !== null && !this.#names.add(text)) return false;
    this.#openings += openingsOfEvent;
    return true;
  }
}

/**
 * Events of the fast lane that are not to be parsed, though it found no other fault with their texts.
 * @param textOf the event's text
 */
export function heavyEvents(
  events: readonly SkimmedEvent[],
  text: string,
  textOf: (index: number) => string,
): Map<number, RejectionCode> | null {
  const areNamesCounted = hasManyMembers(text);
  const load = new Load();
  const heavy = new Map<number, RejectionCode>();
  for (let index = 0; index < events.length; index++) {
    const { start, end, fields, isTooMany, openings: own } = events[index] as SkimmedEvent;
    if (fields !== null) continue;
    const isLong = end - start > LIMITS.eventParsedBytes;
    if (isLong) heavy.set(index, isTooMany ? "too_many_properties" : "event_too_large");
    else if (!load.takes(own, areNamesCounted ? textOf(index) : null)) heavy.set(index, "too_many_properties");
  }
  return heavy.size === 0 ? null : heavy;
}

function hasManyMembers(text: string): boolean {
  return text.length > LIMITS.membersParsed && countUnits(text, ":", LIMITS.membersParsed) > LIMITS.membersParsed;
}
