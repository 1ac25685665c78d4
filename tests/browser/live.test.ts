// The dashboard shows an event as soon as it is accepted. The live tail delivers it before any store could answer.

import { randomUUID } from "node:crypto";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Pipeline } from "../harness/pipeline.ts";
import { launchChromium } from "./chromium.ts";

let pipeline: Pipeline;
let browser: Browser;

beforeAll(async () => {
  [pipeline, browser] = await Promise.all([Pipeline.start(), launchChromium()]);
});

afterAll(async () => {
  await browser?.close();
  await pipeline?.remove();
});

function track(event: string): Promise<Response> {
  return fetch(`${pipeline.origin}/v1/track`, {
    method: "POST",
    headers: { Authorization: `Bearer ${pipeline.keys.publicKey}` },
    body: JSON.stringify({ event, anonymousId: "device-1", messageId: randomUUID() }),
  });
}

it("sends an event to the newest-events list, with the session's cookie", async () => {
  const page = await browser.newPage();
  const faults: string[] = [];
  page.on("pageerror", (fault) => faults.push(String(fault)));
  page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
  // The stores return no events to this page.
  await page.route("**/v1/events?*", (route) => route.fulfill({ json: { data: [], nextCursor: null } }));
  const opened = page.waitForEvent("websocket");
  await page.goto(`${pipeline.origin}/#key=${pipeline.keys.secretKey}`);
  const socket = await opened;
  expect(socket.url()).toBe(`${pipeline.origin.replace("http", "ws")}/v1/live`);
  await expect
    .poll(
      async () => {
        await track("Seen At Once");
        return page.getByTestId("event-row").count();
      },
      { timeout: 15_000, interval: 500 },
    )
    .toBeGreaterThan(0);
  await page.getByText("Seen At Once").first().waitFor();
  expect(faults).toEqual([]);
  await page.close();
});
