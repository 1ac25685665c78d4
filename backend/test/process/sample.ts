// Creates realistic input for the processor's tests and benchmark: the events of an online shop's browser library, about 870
// bytes per event, in envelopes and frames as the edge writes them.

import {
  concatBytes,
  encodeMember,
  envelopeLine,
  REDELIVERY_MARK,
  type RequestEnvelope,
  type RequestSource,
} from "@behaviour/contract";

export const CHROME =
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36";
export const IPHONE =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1";

export type Sent = Record<string, unknown>;

export const SOURCE: RequestSource = {
  ip: "203.0.113.0",
  userAgent: CHROME,
  country: "DE",
  region: "Berlin",
  city: "Berlin",
  timezone: "Europe/Berlin",
  referer: "https://shop.example/",
};

export function head(changes: Partial<RequestEnvelope> = {}): Omit<RequestEnvelope, "body"> {
  const { body: _body, ...rest } = changes;
  return {
    v: 1,
    project: "shop",
    keyId: "key_1",
    requestId: "req_1",
    receivedAtMs: Date.now(),
    retry: false,
    secret: false,
    anyPast: false,
    defaultType: null,
    consent: "accept",
    source: SOURCE,
    shape: "batch",
    ...rest,
  };
}

export function batchLine(
  events: readonly unknown[],
  changes: Partial<RequestEnvelope> = {},
  batch: Sent = {},
): string {
  return envelopeLine(head(changes), JSON.stringify({ batch: events, sentAt: new Date().toISOString(), ...batch }));
}

export function eventLine(event: Sent, changes: Partial<RequestEnvelope> = {}): string {
  return envelopeLine(head({ shape: "event", ...changes }), JSON.stringify(event));
}

/** One gzip member per line, as a shard joins the members of several requests. */
export function frame(lines: readonly string[], isMarked = false): Uint8Array {
  const all = isMarked ? [...lines, JSON.stringify(REDELIVERY_MARK)] : lines;
  return concatBytes(all.map((line) => encodeMember([line])));
}

export function track(messageId: string, changes: Sent = {}): Sent {
  return { type: "track", messageId, anonymousId: "anon-1", event: "Product Viewed", ...changes };
}

const PRODUCTS = ["Linen shirt", "Wool socks", "Rain jacket", "Canvas bag", "Leather belt"];

export function shopEvent(index: number): Sent {
  const name = PRODUCTS[index % PRODUCTS.length];
  const isPage = index % 3 === 0;
  const url = `https://shop.example/p/${index % 500}?utm_source=newsletter&utm_medium=email&utm_campaign=autumn&ref=${index}`;
  return {
    type: isPage ? "page" : "track",
    ...(isPage ? { name: "Product" } : { event: "Product Added" }),
    messageId: `ajs-next-${String(index).padStart(12, "0")}-4f1c-9a2e`,
    anonymousId: `0f8fad5b-d9cb-469f-a165-${String(index % 400).padStart(12, "0")}`,
    ...(index % 4 === 0 ? { userId: `user-${index % 100}` } : {}),
    timestamp: new Date(Date.now() - 500).toISOString(),
    properties: {
      product_id: `sku-${index % 500}`,
      name,
      price: 19.99 + (index % 7),
      currency: "EUR",
      quantity: 1 + (index % 3),
      category: "Apparel",
      variant: "blue / M",
      position: index % 20,
      list: "Search results",
    },
    context: {
      library: { name: "analytics.js", version: "next-1.70.0" },
      locale: "de-DE",
      sessionId: 1_760_000_000_000 + (index % 400),
      page: {
        url,
        path: `/p/${index % 500}`,
        search: `?utm_source=newsletter&utm_medium=email&utm_campaign=autumn&ref=${index}`,
        title: `${name} – Shop`,
        referrer: "https://www.google.com/",
      },
      userAgent: CHROME,
      screen: { width: 1920, height: 1080, density: 1 },
    },
  };
}
