// The API reference in a real browser. It loads from its own origin only, it can be searched, and each call has its own address.

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

it("shows every call, finds a call by search, and loads nothing from another origin", async () => {
  const page = await browser.newPage();
  const faults: string[] = [];
  page.on("pageerror", (fault) => faults.push(String(fault)));
  page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
  page.on("request", (request) => {
    if (!request.url().startsWith(pipeline.origin)) faults.push(`asked for ${request.url()}`);
  });
  const answer = await page.goto(`${pipeline.origin}/docs`);
  expect(answer?.headers()["content-security-policy"]).toContain("default-src 'self'");
  await page.getByTestId("operation").first().waitFor();
  const document = (await (await fetch(`${pipeline.origin}/openapi.json`)).json()) as {
    paths: Record<string, Record<string, unknown>>;
  };
  const described = Object.values(document.paths)
    .filter((item) => typeof item.$ref !== "string")
    .reduce((sum, item) => sum + Object.keys(item).length, 0);
  expect(await page.getByTestId("operation").count()).toBe(described);
  await page.getByTestId("docs-search").fill("funnel");
  await expect.poll(() => page.getByTestId("operation").count()).toBe(1);
  expect(await page.locator("#funnel pre").first().innerText()).toContain("curl");
  await page.goto(`${pipeline.origin}/docs#batch`);
  await page.locator("#batch").getByText("/v1/batch").first().waitFor();
  expect(faults).toEqual([]);
  await page.close();
});
