// `@segment/analytics-next` in a page. Bundled by browser.ts and run in the real Chromium; the page says how to send in its
// address: `?writeKey=&host=&delivery=standard|batching`. Says `sent` in its title once the library has taken all of it.

/// <reference lib="dom" />

import { AnalyticsBrowser } from "@segment/analytics-next";

const asked = new URLSearchParams(location.search);
const writeKey = asked.get("writeKey") ?? "";
const batching = { strategy: "batching", config: { size: 3, timeout: 300 } } as const;
const integrations = asked.get("delivery") === "batching" ? { "Segment.io": { deliveryStrategy: batching } } : {};

// Settings, the endpoint among them, come from the pipeline.
const analytics = AnalyticsBrowser.load({ writeKey, cdnURL: asked.get("host") ?? "" }, { integrations });

async function send(): Promise<void> {
  await analytics.page("Shop", { section: "sale" });
  await analytics.identify("customer-1", { plan: "pro", seats: 5 });
  await analytics.track("Order Completed", { total: 59.5, products: [{ sku: "mug-1" }] });
  await analytics.screen("Basket", { items: 2 });
  await analytics.group("company-1", { name: "Nook" });
  await analytics.alias("customer-1", "device-1");
}

send().then(
  () => (document.title = "sent"),
  (fault: unknown) => (document.title = `fault: ${String(fault)}`),
);
