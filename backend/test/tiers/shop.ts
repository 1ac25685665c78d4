// Generates the events of an imaginary shop for measurements: names, pages, countries and devices with a realistic skew,
// returning visitors, and varying properties. The events are reproducible.

import { createHash } from "node:crypto";
import { ENRICHED_VERSION, type EnrichedEvent, position } from "@behaviour/contract";
import { seeded } from "./fault-proxy.ts";

const NAMES = [
  "Product Viewed",
  "Product Added",
  "Products Searched",
  "Cart Viewed",
  "Checkout Started",
  "Order Completed",
  "Signed In",
  "Coupon Applied",
  "Video Played",
  "Review Written",
];
const PATHS = Array.from({ length: 400 }, (_, index) => `/products/${(index * 7_919) % 100_003}`);
const COUNTRIES = ["DE", "FR", "US", "NL", "AT", "PL", "ES", "IT", "GB", "SE", "CH", "BR"];
const BROWSERS = ["Chrome", "Mobile Safari", "Firefox", "Edge", "Samsung Internet"];
const SYSTEMS = ["Windows", "iOS", "Android", "macOS", "Linux"];
const DEVICES = ["desktop", "mobile", "tablet"];
const SOURCES = [null, null, null, "newsletter", "google", "instagram"];
const CITIES = ["Köln", "Paris", "Boston", "Utrecht", "Wien", "Kraków", null];

export interface ShopOptions {
  project: string;
  rawShard: string;
  /** Number of events per second of event time. */
  perSecond: number;
  /** Time of the first event, epoch milliseconds. By default the last event of a batch is close to the current time. */
  fromMs?: number;
  people?: number;
}

export class Shop {
  readonly #options: Required<Omit<ShopOptions, "fromMs">> & { fromMs: number | undefined };
  readonly #random = seeded(4_711);
  #made = 0;

  constructor({ fromMs, people = 100_000, ...options }: ShopOptions) {
    this.#options = { ...options, people, fromMs };
  }

  /** The next `count` events, received within the last seconds. */
  recent(count: number): EnrichedEvent[] {
    const firstMs = Date.now() - (count / this.#options.perSecond) * 1_000;
    return Array.from({ length: count }, (_, index) =>
      this.#event(firstMs + (index / this.#options.perSecond) * 1_000),
    );
  }

  /** The next `count` events, at their times since `fromMs`. */
  next(count: number): EnrichedEvent[] {
    const { fromMs = 0, perSecond } = this.#options;
    return Array.from({ length: count }, () => this.#event(fromMs + (this.#made / perSecond) * 1_000));
  }

  /** Picks a value with a skew towards the first values. */
  #pick<T>(values: readonly T[]): T {
    return values[Math.floor(this.#random() ** 3 * values.length)] as T;
  }

  #event(atMs: number): EnrichedEvent {
    const place = this.#made++;
    const { project, rawShard, people } = this.#options;
    const receivedAtMs = Math.floor(atMs);
    const person = Math.floor(this.#random() ** 2 * people);
    const isPage = this.#random() < 0.4;
    const path = this.#pick(PATHS);
    const subject = createHash("md5").update(`${project} ${person}`).digest("hex");
    const isSignedIn = person % 5 === 0;
    const price = Math.floor(this.#random() * 20_000) / 100;
    return {
      v: ENRICHED_VERSION,
      project,
      messageId: `${idOf(place)}-${rawShard.slice(-6)}`,
      type: isPage ? "page" : "track",
      event: isPage ? null : this.#pick(NAMES),
      timeMs: receivedAtMs - 40,
      receivedAtMs,
      sentAtMs: receivedAtMs - 20,
      originalTimeMs: receivedAtMs - 40,
      processedAtMs: receivedAtMs + 300,
      subject,
      anonymousSubject: isSignedIn ? createHash("md5").update(`a ${subject}`).digest("hex") : subject,
      groupSubject: null,
      previousSubject: null,
      sessionId: String(receivedAtMs - (receivedAtMs % 1_800_000) + person),
      consent: "accept",
      url: `https://shop.example${path}?ref=${place % 13}`,
      path,
      title: `Product ${path.slice(10)} – Shop`,
      referrer: this.#random() < 0.2 ? "https://www.google.com/" : null,
      referrerMedium: null,
      referrerSource: null,
      country: this.#pick(COUNTRIES),
      region: null,
      city: this.#pick(CITIES),
      device: this.#pick(DEVICES),
      os: this.#pick(SYSTEMS),
      osVersion: "17.2",
      browser: this.#pick(BROWSERS),
      browserVersion: "131.0",
      isBot: this.#random() < 0.01,
      utmSource: this.#pick(SOURCES),
      utmMedium: null,
      utmCampaign: null,
      utmTerm: null,
      utmContent: null,
      library: "analytics.js",
      keyId: "k_bench",
      properties: isPage
        ? { path, title: `Product ${path.slice(10)} – Shop` }
        : {
            sku: `SKU-${(place * 31) % 5_003}`,
            price,
            quantity: 1 + (place % 3),
            currency: "EUR",
            in_stock: price > 5,
          },
      traits: {},
      context: {
        locale: "de-DE",
        timezone: "Europe/Berlin",
        screen: { width: 1_440, height: 900 },
        library: { name: "analytics.js", version: "2.1.0" },
      },
      suspect: false,
      rawShard,
      position: position(String(4_964_000_000 + Math.floor(place / 100)), place % 100),
    };
  }
}

/** An id that looks as random as a client's UUID, and is the same in every run. */
function idOf(place: number): string {
  const hex = createHash("md5").update(String(place)).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}
