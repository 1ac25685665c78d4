// The events the load is made of: a shop's, as the browser library sends them, 870 bytes on average. The texts are built
// once; for each request only what makes it a new one is stamped over: message ids, timestamps, sentAt, all of fixed width.

import { randomUUID } from "node:crypto";

export const EVENT_BYTES = 870;

const SEQUENCE_DIGITS = 12;
/** `2026-11-25T01:10:25.123Z` */
const TIME_LENGTH = 24;
const TIME_PLACEHOLDER = "T".repeat(TIME_LENGTH);

const PRODUCTS = [
  "Linen shirt",
  "Wool scarf",
  "Canvas tote",
  "Leather belt",
  "Rain jacket",
  "Running shoes",
  "Ceramic mug",
];
const CATEGORIES = ["Apparel", "Accessories", "Home", "Outdoor"];
const NAMES = ["Product Viewed", "Product Added", "Product List Viewed", "Checkout Started", "Order Completed"];
const REFERRERS = ["https://www.google.com/", "https://news.ycombinator.com/", "https://www.instagram.com/", ""];
const AGENTS = [
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/604.1",
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0",
];

function pick<T>(choices: readonly T[]): T {
  return choices[Math.floor(Math.random() * choices.length)] as T;
}

const RUN_AT = 8;
const SEQUENCE_AT = 24;

/** What the middle of every message id of one run is: `-0c1f-4a3e-9b27-`. */
export function newRun(): string {
  return randomUUID().slice(RUN_AT, SEQUENCE_AT);
}

/** Odd, so that multiplying by it is undone by multiplying by its inverse (both modulo 2³²). */
const MIX = 0x9e3779b1;
const UNMIX = inverse(MIX);

function inverse(odd: number): number {
  let guess = odd;
  // Each step doubles the number of right bits; an odd number is its own inverse in the lowest three.
  for (let bits = 3; bits < 32; bits *= 2) guess = Math.imul(guess, 2 - Math.imul(odd, guess));
  return guess;
}

/** @returns the number of an event of this run, or null for any other message. */
export function sequenceOf(messageId: string, run: string): number | null {
  if (messageId.slice(RUN_AT, SEQUENCE_AT) !== run) return null;
  return Math.imul(Number.parseInt(messageId.slice(SEQUENCE_AT + 4), 16), UNMIX) >>> 0;
}

function eventText(run: string): string {
  const sku = `SKU-${10_000 + Math.floor(Math.random() * 90_000)}`;
  const path = `/products/${sku.toLowerCase()}`;
  const event = {
    type: "track",
    event: pick(NAMES),
    messageId: `${randomUUID().slice(0, RUN_AT)}${run}${"0".repeat(SEQUENCE_DIGITS)}`,
    anonymousId: randomUUID(),
    timestamp: TIME_PLACEHOLDER,
    properties: {
      product_id: sku,
      name: pick(PRODUCTS),
      category: pick(CATEGORIES),
      price: Math.round(Math.random() * 20_000) / 100,
      quantity: 1 + Math.floor(Math.random() * 4),
      currency: "EUR",
      position: Math.floor(Math.random() * 40),
      note: "",
    },
    context: {
      library: { name: "analytics.js", version: "1.0.0" },
      locale: pick(["de-DE", "en-GB", "fr-FR"]),
      timezone: "Europe/Berlin",
      userAgent: pick(AGENTS),
      page: {
        url: `https://shop.example.com${path}?utm_source=newsletter&utm_medium=email`,
        path,
        title: "Example shop",
        referrer: pick(REFERRERS),
      },
      campaign: { source: "newsletter", medium: "email" },
    },
  };
  const missing = EVENT_BYTES - JSON.stringify(event).length;
  if (missing < 0) throw new Error(`an event is ${-missing} bytes larger than ${EVENT_BYTES}`);
  // Product descriptions compress like words, not like one letter.
  while (event.properties.note.length < missing) event.properties.note += `${pick(PRODUCTS).toLowerCase()} `;
  event.properties.note = event.properties.note.slice(0, missing);
  return JSON.stringify(event);
}

/** One HTTP request whose bytes are used again and again, each time as a new one. */
export class RequestTemplate {
  readonly bytes: Buffer;
  readonly events: number;
  readonly #sequencesAt: number[];
  readonly #timesAt: number[];

  constructor(options: { batch: number; run: string; host: string; key: string }) {
    const { batch, run, host, key } = options;
    const texts = Array.from({ length: batch }, () => eventText(run));
    const body = batch === 1 ? (texts[0] as string) : `{"batch":[${texts.join(",")}],"sentAt":"${TIME_PLACEHOLDER}"}`;
    const head = [
      `POST ${batch === 1 ? "/v1/track" : "/v1/batch"} HTTP/1.1`,
      `Host: ${host}`,
      "Content-Type: application/json",
      `Authorization: Basic ${Buffer.from(`${key}:`).toString("base64")}`,
      `User-Agent: ${AGENTS[0]}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
    ];
    this.events = batch;
    this.bytes = Buffer.from(`${head.join("\r\n")}\r\n\r\n${body}`, "latin1");
    this.#sequencesAt = positions(this.bytes, run).map((at) => at + run.length);
    this.#timesAt = positions(this.bytes, TIME_PLACEHOLDER);
  }

  /** Only after the last answer: until then the bytes may not have left yet. */
  stamp(firstSequence: number, now: Date): Buffer {
    for (const [index, at] of this.#sequencesAt.entries()) writeSequence(this.bytes, at, firstSequence + index);
    const time = Buffer.from(now.toISOString(), "latin1");
    for (const at of this.#timesAt) this.bytes.set(time, at);
    return this.bytes;
  }
}

function positions(bytes: Buffer, text: string): number[] {
  const found: number[] = [];
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + text.length)) found.push(at);
  return found;
}

const HEX = Buffer.from("0123456789abcdef", "latin1");

/** Mixed, so that message ids look like the random ones they stand for: an id full of zeros would compress better. */
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
