// `@segment/analytics-node`, used as in its README. HOST and WRITE_KEY come from the environment. The program exits with 0 after
// every event was delivered.

import { Analytics } from "@segment/analytics-node";

const { HOST = "", WRITE_KEY = "" } = process.env;
const analytics = new Analytics({ writeKey: WRITE_KEY, host: HOST, flushInterval: 200 });
analytics.on("error", (fault) => {
  console.error(fault);
  process.exitCode = 1;
});

const who = { userId: "customer-1", anonymousId: "device-1" };
analytics.identify({ ...who, traits: { plan: "pro", seats: 5 } });
analytics.track({ ...who, event: "Order Completed", properties: { total: 59.5, products: [{ sku: "mug-1" }] } });
analytics.page({ ...who, name: "Shop", properties: { url: "https://shop.example/sale" } });
analytics.screen({ ...who, name: "Basket", properties: { items: 2 } });
analytics.group({ ...who, groupId: "company-1", traits: { name: "Nook" } });
analytics.alias({ userId: "customer-1", previousId: "device-1" });
await analytics.closeAndFlush();
