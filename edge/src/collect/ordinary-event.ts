// Holds an event that the fast lane (skim.ts) accepts unchanged. The event is parsed only when its value is read. The fields that
// decisions need were read from the bytes, and the text is stored as it was sent.

import { type ConsentOutcome, hashId, type IdHash, type JsonObject } from "@behaviour/contract";
import type { ConsentTable } from "../consent/table.ts";
import { NO_PII } from "../pii/classes.ts";
import type { EventTexts } from "./event-texts.ts";
import type { OrdinaryFields } from "./skim.ts";

export class OrdinaryEvent {
  readonly isOrdinary = true;
  readonly index: number;
  readonly messageId: string;
  readonly id: IdHash;
  readonly subjectKey: string;
  readonly timeMs: number;
  readonly firstTakenMs: number;
  readonly mayHold = NO_PII;
  readonly mayHoldAddress = false;
  /** All ids that the event names: group and alias events, which name more ids, are not ordinary. */
  readonly ids: OrdinaryFields;
  // Set by consent.ts.
  declare table: ConsentTable;
  consent: ConsentOutcome = "drop";
  readonly #texts: EventTexts;
  #value: JsonObject | null = null;

  constructor(
    index: number,
    fields: OrdinaryFields,
    times: { timeMs: number; firstTakenMs: number },
    texts: EventTexts,
  ) {
    this.index = index;
    this.messageId = fields.messageId;
    this.id = hashId(fields.messageId);
    this.subjectKey = (fields.anonymousId ?? fields.userId) as string;
    this.timeMs = times.timeMs;
    this.firstTakenMs = times.firstTakenMs;
    this.ids = fields;
    this.#texts = texts;
  }

  get event(): JsonObject {
    this.#value ??= JSON.parse(this.#texts.text(this.index)) as JsonObject;
    return this.#value;
  }
}
