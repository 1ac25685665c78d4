/** Simulates a project with half an hour of made-up traffic that continues, plus the real events of the demo shop. */
import { randomBytes, randomUUID } from "node:crypto";

interface MockEvent {
  messageId: string;
  type: string;
  event: string | null;
  timestamp: string;
  receivedAt: string;
  subject: string;
  properties: Record<string, unknown>;
  context: Record<string, unknown>;
}

export interface SentEvent {
  type: string;
  messageId: string;
  timestamp: string;
  event?: string;
  name?: string;
  properties?: Record<string, unknown>;
  context?: { page?: { path?: string } };
}

/** Delay from acceptance to each stage. */
const STAGE_DELAYS_MS = { flushed: 180, processed: 420, hot: 640, warm: 1_900, cold: 24_000 };
const MINUTE_MS = 60_000;
const WINDOW_MINUTES = 30;

const EVENTS = [
  ["Product Viewed", 34],
  ["Product Added", 15],
  ["Cart Viewed", 9],
  ["Search Performed", 8],
  ["Checkout Started", 5],
  ["Order Completed", 4],
  ["Newsletter Subscribed", 2],
] as const;
const PAGES = [
  ["/", 30],
  ["/products/stoneware-mug", 22],
  ["/products/linen-throw", 14],
  ["/cart", 11],
  ["/journal/how-we-fire-our-clay", 7],
  ["/checkout", 6],
  ["/about", 3],
] as const;
const COUNTRIES = [
  ["DE", 28],
  ["US", 21],
  ["CH", 14],
  ["FR", 9],
  ["JP", 7],
  ["BR", 5],
  [null, 3],
] as const;

export class MockProject {
  readonly #eventsPerSecond: number;
  readonly #byMinute = new Map<number, number>();
  readonly #events: MockEvent[] = [];
  readonly #counts = { events: new Map<string, number>(), pages: new Map<string, number>() };
  readonly #countries = new Map<string | null, number>();

  constructor(eventsPerSecond: number) {
    this.#eventsPerSecond = eventsPerSecond;
    if (eventsPerSecond === 0) return;
    const now = Date.now();
    for (let atMs = now - WINDOW_MINUTES * MINUTE_MS; atMs < now; atMs += 1_000) this.#second(atMs);
    for (let index = 0; index < 20; index++) this.#make(now - (20 - index) * 1_700);
    setInterval(() => this.#second(Date.now()), 1_000).unref();
    setInterval(() => this.#make(Date.now()), 2_600).unref();
  }

  accept(sent: SentEvent): void {
    const path = sent.context?.page?.path ?? "/demo";
    this.#record(Date.now(), 1);
    this.#count(sent.type === "track" ? (sent.event ?? null) : null, sent.type === "page" ? path : null, null);
    const { messageId, type, timestamp } = sent;
    const [properties, context] = [sent.properties ?? {}, sent.context ?? {}];
    const receivedAt = new Date().toISOString();
    const event = sent.event ?? sent.name ?? null;
    this.#push({ messageId, type, event, timestamp, receivedAt, subject: "f00dfeed".repeat(4), properties, context });
  }

  realtime() {
    const thisMinute = Math.floor(Date.now() / MINUTE_MS);
    const perMinute = Array.from({ length: WINDOW_MINUTES }, (_, index) => {
      const minute = thisMinute - WINDOW_MINUTES + 1 + index;
      return { minute: new Date(minute * MINUTE_MS).toISOString(), events: this.#byMinute.get(minute) ?? 0 };
    });
    const total = perMinute.reduce((sum, { events }) => sum + events, 0);
    return {
      activeUsers: Math.ceil(total / 61),
      perMinute,
      topEvents: ranked(this.#counts.events).map(([event, count]) => ({ event, count })),
      topPages: ranked(this.#counts.pages).map(([page, count]) => ({ page, count })),
      countries: ranked(this.#countries).map(([country, count]) => ({ country, count })),
    };
  }

  newest(limit: number): MockEvent[] {
    return this.#events.slice(-limit).reverse();
  }

  stages(messageId: string): Record<string, unknown> | undefined {
    const event = this.#events.find((candidate) => candidate.messageId === messageId);
    if (!event) return undefined;
    const acceptedMs = Date.parse(event.receivedAt);
    const report: Record<string, unknown> = { messageId, accepted: event.receivedAt };
    for (const [stage, delayMs] of Object.entries(STAGE_DELAYS_MS)) {
      if (acceptedMs + delayMs <= Date.now()) report[stage] = new Date(acceptedMs + delayMs).toISOString();
    }
    return report;
  }

  #second(atMs: number): void {
    const wave = 1 + 0.35 * Math.sin(atMs / 260_000) + 0.12 * Math.sin(atMs / 47_000);
    const count = Math.round(this.#eventsPerSecond * wave * (0.75 + Math.random() * 0.5));
    this.#record(atMs, count);
    for (let index = 0; index < count; index += 4) this.#count(pick(EVENTS), pick(PAGES), pick(COUNTRIES));
  }

  #record(atMs: number, count: number): void {
    const minute = Math.floor(atMs / MINUTE_MS);
    this.#byMinute.set(minute, (this.#byMinute.get(minute) ?? 0) + count);
  }

  #count(event: string | null, page: string | null, country: string | null): void {
    if (event) this.#counts.events.set(event, (this.#counts.events.get(event) ?? 0) + 1);
    if (page) this.#counts.pages.set(page, (this.#counts.pages.get(page) ?? 0) + 1);
    this.#countries.set(country, (this.#countries.get(country) ?? 0) + 1);
  }

  #make(atMs: number): void {
    const receivedAt = new Date(atMs).toISOString();
    const path = pick(PAGES) ?? "/";
    const isPage = Math.random() < 0.4;
    this.#push({
      messageId: randomUUID(),
      type: isPage ? "page" : "track",
      event: isPage ? "Product" : (pick(EVENTS) ?? null),
      timestamp: new Date(atMs - 80).toISOString(),
      receivedAt,
      subject: randomBytes(16).toString("hex"),
      properties: { product_id: "stoneware-mug", price: 24, currency: "EUR", in_stock: true, coupon: null },
      context: {
        country: pick(COUNTRIES),
        locale: "de-CH",
        page: { path, url: `https://shop.example${path}`, title: "Stoneware mug" },
        library: { name: "@behaviour/analytics", version: "0.1.0" },
      },
    });
  }

  #push(event: MockEvent): void {
    this.#events.push(event);
    if (this.#events.length > 200) this.#events.shift();
  }
}

function pick<T>(weighted: readonly (readonly [T, number])[]): T {
  let remaining = Math.random() * weighted.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [value, weight] of weighted) {
    remaining -= weight;
    if (remaining < 0) return value;
  }
  throw new RangeError("nothing to pick from");
}

function ranked<T>(counts: Map<T, number>): [T, number][] {
  return [...counts].sort((a, b) => b[1] - a[1]).slice(0, 10);
}
