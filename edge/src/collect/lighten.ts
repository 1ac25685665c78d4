// Removes events that exceed a limit from the text of a body with too many values, before the body is parsed. The other events of
// the batch are judged as usual, and the isolate survives. All other bodies are left unchanged.

import { LIMITS, type RejectionCode } from "@behaviour/contract";
import { Refusal } from "../answer/refusal.ts";
import { brokenLimit, countUnits, isJson, openingsSeen } from "../body/json-text.ts";
import { partTexts, splitMember } from "../body/slices.ts";
import { Names } from "./names.ts";
import type { SkimmedEvent } from "./skim.ts";

export interface LightBody {
  text: string;
  /** Why events that are `null` in the text are rejected, by index (a single event is 0); null if there are no such events. */
  heavy: Map<number, RejectionCode> | null;
}

/** @param mayBeBatch whether a member `batch` holds events; else the body is a single event. */
export function lighten(text: string, mayBeBatch: boolean): LightBody | Refusal {
  if (!isHeavy(text)) return { text, heavy: null };
  if (!isJson(text)) return new Refusal("invalid_json");
  if (!text.trimStart().startsWith("{")) return new Refusal("invalid_payload");
  // An event has no more members than this limit. Members of a batch after this limit are not read.
  const members = partTexts(text, LIMITS.keysPerObject).map(splitMember);
  const isBatch = mayBeBatch && members.some(({ key, value }) => key === "batch" && value.startsWith("["));
  return isBatch ? lightBatch(members) : lightEvent(text, members);
}

/** A text cannot hold more values than characters. This bound alone spares almost every body the count. */
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

/** Keeps only the event's texts: of a rejected event, only its id and its key are read. */
function lightEvent(text: string, members: readonly Member[]): LightBody {
  // An event with so many values breaks a limit: if not one of these limits, then the limit of its size.
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
  // The context or another member breaks a limit. Every event would have to carry it, so every event is rejected.
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
  // The event is too large in any case: a text never has more UTF-16 units than UTF-8 bytes.
  if (item.length > LIMITS.eventBytes) return "event_too_large";
  return load.takes(openingsSeen, item) ? null : "too_many_properties";
}

/** The total load of those events of a body that are parsed. */
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
 * Finds the events of the fast lane that must not be parsed, although the lane found no other fault with their texts.
 * @param textOf returns the event's text
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
