// A person in a real Chromium opens the demo shop, browses, buys and leaves the page. Each of the events, including the event
// sent when the page is left, is once in every tier, in the query API, and on the dashboard.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Pipeline } from "../harness/pipeline.ts";
import { queryCold, settledFaults } from "../harness/stores.ts";
import { launchChromium } from "./chromium.ts";

let pipeline: Pipeline;
let browser: Browser;
const sent = new Set<string>();
let leavingId = "";

beforeAll(async () => {
  [pipeline, browser] = await Promise.all([Pipeline.start(), launchChromium()]);
});

afterAll(async () => {
  await browser?.close();
  await pipeline?.remove();
});

/** Page errors and refused requests. Any of them fails the test. */
function watch(page: Page): string[] {
  const faults: string[] = [];
  page.on("pageerror", (fault) => faults.push(String(fault)));
  page.on("response", (answer) => {
    if (answer.status() >= 400) faults.push(`${answer.status()} ${answer.url()}`);
  });
  return faults;
}

async function collectSent(page: Page): Promise<void> {
  const ids = await page
    .getByTestId("sent-event")
    .evaluateAll((rows) => rows.map((row) => row.getAttribute("data-message-id")));
  for (const id of ids) if (id !== null && id !== "") sent.add(id);
}

/** For a person to look at. Set SCREENSHOTS to a folder. */
async function screenshot(page: Page, name: string): Promise<void> {
  const folder = process.env.SCREENSHOTS;
  if (folder === undefined || folder === "") return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`) });
}

describe("a visit to the shop", () => {
  it("browses, buys and leaves", async () => {
    const page = await browser.newPage();
    const faults = watch(page);
    await page.goto(`${pipeline.origin}/demo?utm_source=newsletter&utm_medium=email&utm_campaign=spring`);
    await page.getByTestId("product-grid").getByRole("link").first().click();
    await page.getByTestId("add-to-cart").click();
    await page.getByTestId("cart-link").click();
    await page.getByTestId("checkout-link").click();
    await page.getByTestId("checkout-name").fill("Ada Example");
    await page.getByTestId("place-order").click();
    await page.getByTestId("thanks").waitFor();
    await screenshot(page, "demo-thanks");
    await collectSent(page);
    leavingId = (await page.getByTestId("leave-event").getAttribute("data-message-id")) ?? "";
    expect(leavingId).not.toBe("");
    sent.add(leavingId);
    // Another page: the shop's page is hidden and closed, and its remaining events are sent as a beacon.
    await page.goto("about:blank");
    expect(faults).toEqual([]);
    await page.close();
    expect(sent.size).toBeGreaterThanOrEqual(7);
  });

  it("is in every tier, each event once", async () => {
    expect(await settledFaults(() => pipeline.endpoints, pipeline.keys.project, sent, sent, 60_000)).toEqual([]);
    const rows = await queryCold<{ event: string; copies: string }>(
      pipeline.endpoints,
      pipeline.keys.project,
      "select coalesce(event, type) as event, count(*) as copies from events group by all",
    );
    const events = new Map(rows.map(({ event, copies }) => [event, Number(copies)]));
    for (const name of ["Product Viewed", "Product Added", "Checkout Started", "Order Completed", "identify"]) {
      expect(events.get(name), name).toBe(1);
    }
  });

  it("is in the query API, with its campaign and its person", async () => {
    const { body } = await pipeline.read("/v1/events?limit=100");
    const events = (body as { data: { messageId: string; subject: string }[] }).data;
    expect(new Set(events.map(({ messageId }) => messageId))).toEqual(sent);
    // The visitor is one person, before and after the purchase.
    expect(new Set(events.map(({ subject }) => subject)).size).toBe(1);
    const top = await pipeline.read("/v1/query/top?by=utm_source");
    expect(JSON.stringify(top.body)).toContain("newsletter");
  });

  it("is on the dashboard", async () => {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    const faults = watch(page);
    await page.goto(`${pipeline.origin}/#key=${pipeline.keys.secretKey}`);
    await page.getByTestId("event-row").first().waitFor();
    expect(page.url()).not.toContain("sk_");
    await page.getByText("Order Completed").first().waitFor();
    await expect.poll(() => page.locator("[data-testid^=stage-]").count(), { timeout: 20_000 }).toBeGreaterThan(0);
    await screenshot(page, "dashboard-light");
    await page.emulateMedia({ colorScheme: "dark" });
    await screenshot(page, "dashboard-dark");
    await page.setViewportSize({ width: 390, height: 844 });
    await screenshot(page, "dashboard-phone");
    expect(faults).toEqual([]);
    await page.close();
  });
});
