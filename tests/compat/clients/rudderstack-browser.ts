// `@rudderstack/analytics-js` in a page, bundled by browser.ts and run in the real Chromium: `?writeKey=&host=`. Where its events
// go stands in its load call; what its own control plane would answer is given there too. It has no screen call. Says `sent` in
// its title once the library has taken all of it.

/// <reference lib="dom" />

import { RudderAnalytics } from "@rudderstack/analytics-js/bundled";

const asked = new URLSearchParams(location.search);
const writeKey = asked.get("writeKey") ?? "";
const EVENTS = 5;

const source = {
  id: "shop",
  name: "shop",
  writeKey,
  enabled: true,
  workspaceId: "shop",
  updatedAt: "2026-01-01T00:00:00Z",
  config: { statsCollection: { errors: { enabled: false }, metrics: { enabled: false } } },
  connections: [],
  destinations: [],
};

const analytics = new RudderAnalytics();
analytics.load(writeKey, asked.get("host") ?? "", {
  getSourceConfig: () => JSON.stringify({ source, updatedAt: source.updatedAt }),
  // All in one request, so that which of the answers are spoiled does not hang on which request is first.
  queueOptions: { batch: { enabled: true, maxItems: EVENTS, flushInterval: 60_000 } },
});
analytics.ready(() => {
  // Of a visitor who has not signed in: with `userId: ""`.
  analytics.page("Shop", { section: "sale" });
  analytics.track("Order Completed", { total: 59.5, products: [{ sku: "mug-1" }] });
  analytics.identify("customer-1", { plan: "pro", seats: 5 });
  analytics.group("company-1", { name: "Nook" });
  analytics.alias("customer-1", "device-1");
  document.title = "sent";
});
