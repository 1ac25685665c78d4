// `@rudderstack/analytics-js` in a page, bundled by browser.ts and run in the real Chromium: `?writeKey=&host=`. The load call
// names the address for its events and contains the answer of the library's own control plane. The library has no screen call.
// The page's title becomes `sent` when the library has accepted all events.

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
  // All events in one request. Which of the answers are spoiled then does not depend on which request comes first.
  queueOptions: { batch: { enabled: true, maxItems: EVENTS, flushInterval: 60_000 } },
});
analytics.ready(() => {
  // A visitor who has not signed in, with `userId: ""`.
  analytics.page("Shop", { section: "sale" });
  analytics.track("Order Completed", { total: 59.5, products: [{ sku: "mug-1" }] });
  analytics.identify("customer-1", { plan: "pro", seats: 5 });
  analytics.group("company-1", { name: "Nook" });
  analytics.alias("customer-1", "device-1");
  document.title = "sent";
});
