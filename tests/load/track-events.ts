// The load of `--load track`: a shop's track events of 870 bytes each, as the browser library sends them.

import { randomUUID } from "node:crypto";
import type { LoadEvent } from "./mix.ts";

/** With message id and timestamp. */
const EVENT_BYTES = 870;
const STAMP_BYTES = `"timestamp":"2026-11-25T01:10:25.123Z","messageId":"${randomUUID()}",`.length;

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

export function trackEvent(): LoadEvent {
  const sku = `SKU-${10_000 + Math.floor(Math.random() * 90_000)}`;
  const path = `/products/${sku.toLowerCase()}`;
  const event = {
    type: "track" as const,
    event: pick(NAMES),
    anonymousId: randomUUID(),
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
  const missing = EVENT_BYTES - STAMP_BYTES - JSON.stringify(event).length;
  if (missing < 0) throw new Error(`an event is ${-missing} bytes larger than ${EVENT_BYTES}`);
  // Product descriptions compress like words, not like a single letter.
  while (event.properties.note.length < missing) event.properties.note += `${pick(PRODUCTS).toLowerCase()} `;
  event.properties.note = event.properties.note.slice(0, missing);
  return event;
}
