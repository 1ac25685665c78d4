// The requests of the load. Their bytes are built once. For each request only the fields that make its events new are
// overwritten. All of them have a fixed width: message ids, timestamps, sentAt.

import { randomUUID } from "node:crypto";
import { type LoadEvent, readMix } from "./mix.ts";
import { trackEvent } from "./track-events.ts";

/** `mix`: events as websites send them. `track`: one kind of event, without an identity. */
export const LOAD_KINDS = ["mix", "track"] as const;
export type LoadKind = (typeof LOAD_KINDS)[number];

const SEQUENCE_DIGITS = 12;
/** `2026-11-25T01:10:25.123Z` */
const TIME_LENGTH = 24;
const TIME_PLACEHOLDER = "T".repeat(TIME_LENGTH);
/** The text that analytics.js puts before the UUID of a message id. */
const MIX_ID_PREFIX = "ajs-next-1795400000000-";
const USER_AGENT =
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

/** The length of the UUID at the end of a message id. */
const UUID_LENGTH = 36;
const RUN_AT = 8;
const SEQUENCE_AT = 24;

/** The middle of every message id of one run: `-0c1f-4a3e-9b27-`. */
export function newRun(): string {
  return randomUUID().slice(RUN_AT, SEQUENCE_AT);
}

/** Odd, so that multiplying by its inverse undoes multiplying by it (both modulo 2³²). */
const MIX = 0x9e3779b1;
const UNMIX = inverse(MIX);

function inverse(odd: number): number {
  let guess = odd;
  // Each step doubles the number of correct bits. An odd number is its own inverse in the lowest three bits.
  for (let bits = 3; bits < 32; bits *= 2) guess = Math.imul(guess, 2 - Math.imul(odd, guess));
  return guess;
}

/** @returns the number of an event of this run, or null for any other message. */
export function sequenceOf(messageId: string, run: string): number | null {
  const uuid = messageId.slice(-UUID_LENGTH);
  if (uuid.slice(RUN_AT, SEQUENCE_AT) !== run) return null;
  return Math.imul(Number.parseInt(uuid.slice(SEQUENCE_AT + 4), 16), UNMIX) >>> 0;
}

/** An endless sequence of events of one kind of load. */
export class EventSource {
  readonly idPrefix: string;
  readonly #next: () => LoadEvent;

  constructor(kind: LoadKind) {
    this.idPrefix = kind === "mix" ? MIX_ID_PREFIX : "";
    this.#next = kind === "mix" ? shuffled(readMix()) : trackEvent;
  }

  next(): LoadEvent {
    return this.#next();
  }
}

/**
 * All events in random order, repeatedly, each time in another order. Connections therefore have few events of the same place in
 * common.
 */
function shuffled(events: readonly LoadEvent[]): () => LoadEvent {
  let deck: LoadEvent[] = [];
  return () => {
    if (deck.length === 0) {
      deck = [...events];
      for (let i = deck.length - 1; i > 0; i--) {
        const j = Math.floor(Math.random() * (i + 1));
        [deck[i], deck[j]] = [deck[j] as LoadEvent, deck[i] as LoadEvent];
      }
    }
    return deck.pop() as LoadEvent;
  };
}

export interface TemplateOptions {
  batch: number;
  run: string;
  host: string;
  key: string;
  /** A browser's batch: every event has the device and user of the first event. */
  oneDevice: boolean;
}

/** One HTTP request whose bytes are reused, each time as a new request. */
export class RequestTemplate {
  readonly bytes: Buffer;
  readonly events: number;
  readonly #sequencesAt: number[];
  readonly #timesAt: number[];

  constructor(source: EventSource, { batch, run, host, key, oneDevice }: TemplateOptions) {
    const events = Array.from({ length: batch }, () => source.next());
    const first = events[0] as LoadEvent;
    const own = oneDevice ? { anonymousId: first.anonymousId, ...userOf(first) } : {};
    const texts = events.map((event) => eventText({ ...event, ...own }, source.idPrefix, run));
    const body = batch === 1 ? (texts[0] as string) : `{"batch":[${texts.join(",")}],"sentAt":"${TIME_PLACEHOLDER}"}`;
    const head = [
      `POST ${batch === 1 ? `/v1/${first.type}` : "/v1/batch"} HTTP/1.1`,
      `Host: ${host}`,
      "Content-Type: application/json",
      `Authorization: Basic ${Buffer.from(`${key}:`).toString("base64")}`,
      `User-Agent: ${USER_AGENT}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
    ];
    this.events = batch;
    this.bytes = Buffer.from(`${head.join("\r\n")}\r\n\r\n${body}`, "latin1");
    this.#sequencesAt = positions(this.bytes, run).map((at) => at + run.length);
    this.#timesAt = positions(this.bytes, TIME_PLACEHOLDER);
  }

  /** Only after the last answer, because until then the bytes may not have been sent. */
  stamp(firstSequence: number, now: Date): Buffer {
    for (const [index, at] of this.#sequencesAt.entries()) writeSequence(this.bytes, at, firstSequence + index);
    const time = Buffer.from(now.toISOString(), "latin1");
    for (const at of this.#timesAt) this.bytes.set(time, at);
    return this.bytes;
  }
}

function userOf({ userId }: LoadEvent): { userId?: string | null } {
  return userId === undefined ? {} : { userId };
}

function eventText(event: LoadEvent, idPrefix: string, run: string): string {
  const messageId = `${idPrefix}${randomUUID().slice(0, RUN_AT)}${run}${"0".repeat(SEQUENCE_DIGITS)}`;
  return `{"timestamp":"${TIME_PLACEHOLDER}","messageId":"${messageId}",${JSON.stringify(event).slice(1)}`;
}

function positions(bytes: Buffer, text: string): number[] {
  const found: number[] = [];
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + text.length)) found.push(at);
  return found;
}

const HEX = Buffer.from("0123456789abcdef", "latin1");

/** Mixed, so that the message ids look like the random ids that they represent. An id full of zeros would compress better. */
function writeSequence(bytes: Buffer, at: number, sequence: number): void {
  const mixed = Math.imul(sequence, MIX);
  writeHex(bytes, at, 4, mixed ^ (mixed >>> 13));
  writeHex(bytes, at + 4, 8, mixed);
}

function writeHex(bytes: Buffer, at: number, digits: number, value: number): void {
  let rest = value;
  for (let i = at + digits - 1; i >= at; i--) {
    bytes[i] = HEX[rest & 0xf] as number;
    rest >>>= 4;
  }
}
