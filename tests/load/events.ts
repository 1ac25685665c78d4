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

/** A message id's first 24 characters name the run, its last 12 are the event's number in hexadecimal. */
export function newRunPrefix(): string {
  return randomUUID().slice(0, -SEQUENCE_DIGITS);
}

/** @returns the number of an event of this run, or null for any other message. */
export function sequenceOf(messageId: string, runPrefix: string): number | null {
  if (!messageId.startsWith(runPrefix)) return null;
  return Number.parseInt(messageId.slice(runPrefix.length), 16);
}

function eventText(runPrefix: string): string {
  const sku = `SKU-${10_000 + Math.floor(Math.random() * 90_000)}`;
  const path = `/products/${sku.toLowerCase()}`;
  const event = {
    type: "track",
    event: pick(NAMES),
    messageId: `${runPrefix}${"0".repeat(SEQUENCE_DIGITS)}`,
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

  constructor(options: { batch: number; runPrefix: string; host: string; key: string }) {
    const { batch, runPrefix, host, key } = options;
    const texts = Array.from({ length: batch }, () => eventText(runPrefix));
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
    this.#sequencesAt = positions(this.bytes, runPrefix).map((at) => at + runPrefix.length);
    this.#timesAt = positions(this.bytes, TIME_PLACEHOLDER);
  }

  /** Only after the last answer: until then the bytes may not have left yet. */
  stamp(firstSequence: number, now: Date): Buffer {
    for (const [index, at] of this.#sequencesAt.entries()) writeHex(this.bytes, at, firstSequence + index);
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

function writeHex(bytes: Buffer, at: number, sequence: number): void {
  let rest = sequence;
  for (let i = at + SEQUENCE_DIGITS - 1; i >= at; i--) {
    bytes[i] = HEX[rest % 16] as number;
    rest = Math.floor(rest / 16);
  }
}
