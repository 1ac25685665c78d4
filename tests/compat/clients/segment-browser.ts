// `@segment/analytics-next` in a page. It is bundled by browser.ts and run in the real Chromium. The page's address says how to
// send: `?writeKey=&host=&delivery=standard|batching`. The page's title becomes `sent` when the library has accepted all events.

/// <reference lib="dom" />

import { AnalyticsBrowser } from "@segment/analytics-next";

const asked = new URLSearchParams(location.search);
const writeKey = asked.get("writeKey") ?? "";
const batching = { strategy: "batching", config: { size: 3, timeout: 300 } } as const;
const integrations = asked.get("delivery") === "batching" ? { "Segment.io": { deliveryStrategy: batching } } : {};

// The settings, including the endpoint, come from the pipeline.
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
