/** Tests leaving a page: the events sent by beacon, the beacons' sizes, and the events that stay. Only the page is simulated. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Analytics } from "../src/index.ts";
import { Collector, failure, type ReceivedRequest } from "./collector.ts";
import { MemoryStorage } from "./memory-storage.ts";

const NEVER_MS = 3_600_000;

let collector: Collector;
let analytics: Analytics | undefined;
let page: ReturnType<typeof standInPage>;

beforeEach(async () => {
  collector = await Collector.start();
  page = standInPage();
});

afterEach(async () => {
  await analytics?.close(0);
  analytics = undefined;
  vi.unstubAllGlobals();
  await collector.stop();
});

/** The globals of a page that the library uses. */
function standInPage() {
  const beacons: { url: string; body: ReceivedRequest["body"]; byteCount: number }[] = [];
  const window = Object.assign(new EventTarget(), {
    location: { href: "https://shop.example/a?utm_source=mail", pathname: "/a", search: "?utm_source=mail" },
    localStorage: new MemoryStorage(),
    devicePixelRatio: 2,
  });
  const document = Object.assign(new EventTarget(), {
    referrer: "https://search.example/",
    title: "A",
    visibilityState: "visible",
  });
  const navigator = {
    userAgent: "Stand-in/1.0",
    language: "de-CH",
    onLine: true,
    takesBeacons: true,
    sendBeacon(url: string, body: string): boolean {
      if (!navigator.takesBeacons) return false;
      beacons.push({ url, body: JSON.parse(body), byteCount: Buffer.byteLength(body) });
      return true;
    },
  };
  vi.stubGlobal("window", window);
  vi.stubGlobal("document", document);
  vi.stubGlobal("navigator", navigator);
  vi.stubGlobal("screen", { width: 1_440, height: 900 });
  return { window, document, navigator, beacons };
}

function start(flushIntervalMs: number = NEVER_MS): Analytics {
  analytics = new Analytics("pk_test_sdk", { host: collector.host, flushIntervalMs, flushAtEvents: 1_000 });
  return analytics;
}

function leave(): void {
  page.window.dispatchEvent(new Event("pagehide"));
}

test("what waits goes by beacon and is not sent again", async () => {
  const analytics = start();
  const sent = [analytics.page(), analytics.track("Seen")];
  leave();
  expect(page.beacons.map((beacon) => beacon.url)).toEqual([`${collector.host}/v1/beacon`]);
  expect(page.beacons[0]?.body).toMatchObject({ writeKey: "pk_test_sdk", sentAt: expect.any(String) });
  expect(page.beacons[0]?.body.batch.map((event) => event.messageId)).toEqual(sent);
  expect(page.window.localStorage.queued).toEqual([]);
  leave();
  expect(page.beacons).toHaveLength(1);
});

test("an event made by the page's own pagehide handler goes at once", () => {
  const analytics = start();
  page.window.addEventListener("pagehide", () => analytics.track("Page Left"));
  leave();
  expect(page.beacons.flatMap((beacon) => beacon.body.batch.map((event) => event.event))).toEqual(["Page Left"]);
});

test("hiding the page is leaving it", () => {
  start().track("Seen");
  page.document.visibilityState = "hidden";
  page.document.dispatchEvent(new Event("visibilitychange"));
  expect(page.beacons).toHaveLength(1);
});

test("a beacon holds at most 60 KiB", () => {
  const analytics = start();
  const sent = Array.from({ length: 30 }, () => analytics.track("Large", { text: "é".repeat(5_000) }));
  leave();
  expect(page.beacons.length).toBeGreaterThan(1);
  for (const { byteCount } of page.beacons) expect(byteCount).toBeLessThanOrEqual(60 * 1_024);
  expect(page.beacons.flatMap((beacon) => beacon.body.batch.map((event) => event.messageId))).toEqual(sent);
});

test("a refused beacon goes by fetch instead", async () => {
  const analytics = start();
  page.navigator.takesBeacons = false;
  const messageId = analytics.track("Seen");
  leave();
  await collector.until(() => collector.events.length === 1);
  expect(collector.events[0]?.messageId).toBe(messageId);
});

test("offline nothing is handed over; it waits for the next page", () => {
  const analytics = start();
  analytics.track("Seen");
  page.navigator.onLine = false;
  leave();
  expect(page.beacons).toHaveLength(0);
  expect(page.window.localStorage.queued).toHaveLength(1);
});

test("while the collector fails, a beacon is sent and the event is kept as well", async () => {
  collector.answers.push(failure(503, "overloaded", { "retry-after": "60" }));
  const analytics = start(1);
  analytics.track("Seen");
  await collector.until(() => collector.requests.length === 1);
  expect(await analytics.flush(20)).toBe(false);
  leave();
  expect(page.beacons).toHaveLength(1);
  expect(page.window.localStorage.queued).toHaveLength(1);
});

test("a return from the back-forward cache goes on by fetch", async () => {
  const analytics = start();
  leave();
  page.window.dispatchEvent(new Event("pageshow"));
  analytics.track("Back");
  expect(page.beacons).toHaveLength(0);
  expect(await analytics.flush()).toBe(true);
  expect(collector.events.map((event) => event.event)).toEqual(["Back"]);
});

test("the context of a page", async () => {
  const analytics = start();
  analytics.page();
  expect(await analytics.flush()).toBe(true);
  const expected = {
    path: "/a",
    referrer: "https://search.example/",
    search: "?utm_source=mail",
    title: "A",
    url: "https://shop.example/a?utm_source=mail",
  };
  expect(collector.events[0]).toMatchObject({
    properties: expected,
    context: {
      page: expected,
      locale: "de-CH",
      userAgent: "Stand-in/1.0",
      timezone: expect.any(String),
      screen: { width: 1_440, height: 900, density: 2 },
      campaign: { source: "mail" },
      sessionId: expect.any(String),
    },
  });
});

test("a secret key is refused in a browser", () => {
  expect(() => new Analytics("sk_test_sdk", { host: collector.host })).toThrow(/secret key/);
});
