/** Tests the content of an event, by type and by environment. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import packageJson from "../package.json" with { type: "json" };
import { campaignOf, mergeContext } from "../src/context.ts";
import { Analytics } from "../src/index.ts";
import { LIBRARY_NAME, LIBRARY_VERSION } from "../src/version.ts";
import { Collector, type ReceivedEvent } from "./collector.ts";

let collector: Collector;
let analytics: Analytics;

beforeEach(async () => {
  collector = await Collector.start();
  analytics = new Analytics("pk_test_sdk", { host: `${collector.host}/` });
});

afterEach(async () => {
  await analytics.close(0);
  await collector.stop();
});

async function received(): Promise<ReceivedEvent | undefined> {
  expect(await analytics.flush()).toBe(true);
  return collector.events.at(-1);
}

describe("on a server", () => {
  test("the ids of a call stand alone, and nobody is remembered", async () => {
    analytics.identify("user-1");
    analytics.track("Invoice Paid", { amount: 5 }, { userId: "user-2" });
    expect(await received()).toMatchObject({ type: "track", userId: "user-2", properties: { amount: 5 } });
    expect(collector.events.at(-1)).not.toHaveProperty("anonymousId");
    expect(collector.events[0]).toMatchObject({ type: "identify", userId: "user-1" });
    expect(collector.events[0]).not.toHaveProperty("anonymousId");
    expect(analytics.userId).toBeUndefined();
  });

  test("without an id the instance's own anonymous id is used", async () => {
    analytics.track("Job Ran");
    expect(await received()).toMatchObject({ anonymousId: analytics.anonymousId });
  });
});

test("every type in Segment's fields", async () => {
  analytics.page("Home", { section: "top" });
  expect(await received()).toMatchObject({ type: "page", name: "Home", properties: { section: "top" } });
  analytics.group("team-1", { size: 3 }, { userId: "user-1" });
  expect(await received()).toMatchObject({ type: "group", groupId: "team-1", traits: { size: 3 }, userId: "user-1" });
  analytics.alias("user-1", "old-1");
  expect(await received()).toMatchObject({ type: "alias", userId: "user-1", previousId: "old-1" });
});

test("options of one event: time, id, context and integrations", async () => {
  const messageId = analytics.track("Imported", undefined, {
    messageId: "fixed-1",
    timestamp: new Date("2026-01-02T03:04:05.678Z"),
    context: { app: { name: "till" }, library: { via: "import" } },
    integrations: { All: false },
  });
  expect(messageId).toBe("fixed-1");
  expect(await received()).toMatchObject({
    messageId: "fixed-1",
    timestamp: "2026-01-02T03:04:05.678Z",
    integrations: { All: false },
    context: { app: { name: "till" }, library: { name: LIBRARY_NAME, version: LIBRARY_VERSION, via: "import" } },
  });
});

test("messageIds are UUIDs and differ", async () => {
  const ids = Array.from({ length: 100 }, () => analytics.track("Many"));
  expect(new Set(ids).size).toBe(100);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("the version in every event is the package's", () => {
  expect([LIBRARY_NAME, LIBRARY_VERSION]).toEqual([packageJson.name, packageJson.version]);
});

test.each([
  ["", undefined],
  ["?q=1", undefined],
  ["?utm_source=mail&utm_campaign=May%20sale&utm_term=", { source: "mail", name: "May sale" }],
  ["?utm_medium=cpc&utm_content=b&utm_id=7", { medium: "cpc", content: "b", id: "7" }],
])("campaign of %j", (search, campaign) => {
  expect(campaignOf(search)).toEqual(campaign);
});

test("contexts merge one level deep, the event's own on top", () => {
  const base = { page: { path: "/a", title: "A" }, locale: "de", list: [1] };
  expect(mergeContext(base, { page: { path: "/b" }, list: [2], locale: null })).toEqual({
    page: { path: "/b", title: "A" },
    locale: null,
    list: [2],
  });
});

test.each([
  ["no key", "", "https://events.example.com"],
  ["no host", "pk_test_sdk", undefined],
  ["a host without scheme", "pk_test_sdk", "events.example.com"],
  ["a host that is no web address", "pk_test_sdk", "ftp://events.example.com"],
])("%s is refused at once", (_name, writeKey, host) => {
  expect(() => new Analytics(writeKey, { host: host as string })).toThrow(TypeError);
});
