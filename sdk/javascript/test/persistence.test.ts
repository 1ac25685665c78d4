/** Tests that waiting events and ids outlive a page, also if storage is blocked, full or written by other scripts. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { Analytics, type AnalyticsError, type AnalyticsOptions, type StorageLike } from "../src/index.ts";
import { Collector, failure } from "./collector.ts";
import { blockedStorage, MemoryStorage } from "./memory-storage.ts";

const NEVER_MS = 3_600_000;

let collector: Collector;
let errors: AnalyticsError[];
let open: Analytics[];

beforeEach(async () => {
  collector = await Collector.start();
  errors = [];
  open = [];
});

afterEach(async () => {
  await Promise.all(open.map((analytics) => analytics.close(0)));
  await collector.stop();
});

/** Simulates a page load: a new instance on the existing `storage`. */
function load(storage: StorageLike, options: Partial<AnalyticsOptions> = {}, writeKey = "pk_test_sdk"): Analytics {
  const analytics = new Analytics(writeKey, {
    host: collector.host,
    storage,
    rememberIdentity: true,
    flushIntervalMs: NEVER_MS,
    onError: (error) => errors.push(error),
    ...options,
  });
  open.push(analytics);
  return analytics;
}

test("events of a page that ended unsent go out from the next one, in order and marked as a retry", async () => {
  const storage = new MemoryStorage();
  const first = load(storage);
  const sent = ["a", "b", "c"].map((name) => first.track(name));
  await first.close(0);
  expect(collector.requests).toHaveLength(0);
  expect(storage.queued).toHaveLength(3);

  const second = load(storage);
  expect(await second.flush()).toBe(true);
  expect(collector.events.map((event) => event.messageId)).toEqual(sent);
  expect(collector.requests[0]?.headers["x-retry-count"]).toBe("1");
  expect(storage.queued).toHaveLength(0);
});

test("an outage across a reload loses nothing", async () => {
  const storage = new MemoryStorage();
  collector.answers.push(failure(503, "overloaded"), "disconnect");
  const first = load(storage, { flushIntervalMs: 1 });
  const early = first.track("Early");
  await collector.until(() => collector.requests.length === 1);
  await first.close(0);

  const second = load(storage, { flushIntervalMs: 1 });
  const late = second.track("Late");
  expect(await second.flush()).toBe(true);
  expect(new Set(collector.requests.at(-1)?.body.batch.map((event) => event.messageId))).toEqual(
    new Set([early, late]),
  );
  expect(errors).toEqual([]);
});

test("two tabs do not overwrite each other's waiting events", async () => {
  const storage = new MemoryStorage();
  const left = load(storage);
  const right = load(storage);
  const sent = [left.track("Left"), right.track("Right")];
  await left.close(0);
  await right.close(0);
  expect(await load(storage).flush()).toBe(true);
  expect(collector.events.map((event) => event.messageId).sort()).toEqual(sent.sort());
});

test("events of one project are never sent with the key of another", async () => {
  const storage = new MemoryStorage();
  load(storage, {}, "pk_test_one").track("Of one");
  const other = load(storage, {}, "pk_test_two");
  other.track("Of two");
  expect(await other.flush()).toBe(true);
  expect(collector.events.map((event) => event.event)).toEqual(["Of two"]);
});

test("ids hold across pages until reset", async () => {
  const storage = new MemoryStorage();
  const first = load(storage);
  const { anonymousId } = first;
  first.track("Before");
  first.identify("user-1", { plan: "pro" });
  first.group("team-1");
  const second = load(storage);
  expect(second.anonymousId).toBe(anonymousId);
  expect(second.userId).toBe("user-1");
  second.track("After");
  second.reset();
  second.track("Anonymous again");
  expect(await second.flush()).toBe(true);

  const byName = new Map(collector.events.map((event) => [event.event ?? event.type, event]));
  expect(byName.get("Before")).toMatchObject({ anonymousId });
  expect(byName.get("Before")).not.toHaveProperty("userId");
  expect(byName.get("identify")).toMatchObject({ anonymousId, userId: "user-1", traits: { plan: "pro" } });
  expect(byName.get("After")).toMatchObject({ anonymousId, userId: "user-1", context: { groupId: "team-1" } });
  const last = byName.get("Anonymous again");
  expect(last?.anonymousId).not.toBe(anonymousId);
  expect(last).not.toHaveProperty("userId");
  expect(last?.context.sessionId).not.toBe(byName.get("After")?.context.sessionId);
});

test("a session ends after 30 minutes without an event", async () => {
  const storage = new MemoryStorage();
  const analytics = load(storage);
  analytics.track("One");
  analytics.track("Two");
  const [sessionId] = (storage.getItem("behaviour.session") ?? "").split("|");
  storage.setItem("behaviour.session", `${sessionId}|${Date.now() - 31 * 60_000}`);
  analytics.track("Three");
  expect(await analytics.flush()).toBe(true);
  const [one, two, three] = collector.events.map((event) => event.context.sessionId);
  expect(one).toBe(sessionId);
  expect(two).toBe(sessionId);
  expect(three).not.toBe(sessionId);
});

test("blocked storage: memory stands in, nothing throws", async () => {
  const analytics = load(blockedStorage);
  const { anonymousId } = analytics;
  analytics.identify("user-1");
  analytics.track("Blocked");
  expect(await analytics.flush()).toBe(true);
  expect(collector.events.at(-1)).toMatchObject({ event: "Blocked", anonymousId, userId: "user-1" });
  analytics.reset();
  expect(analytics.anonymousId).not.toBe(anonymousId);
});

test("full storage: events go out from memory", async () => {
  const storage = new MemoryStorage();
  storage.quota = 1_200;
  const analytics = load(storage);
  const sent = Array.from({ length: 10 }, (_, index) => analytics.track(`Event ${index}`));
  expect(storage.queued.length).toBeLessThan(10);
  expect(await analytics.flush()).toBe(true);
  expect(collector.events.map((event) => event.messageId)).toEqual(sent);
  expect(storage.queued).toHaveLength(0);
});

test("what others wrote under our prefix does not void the batch", async () => {
  const storage = new MemoryStorage();
  storage.setItem("behaviour.queue.pk_test_sdk.0.0.broken", "{not json");
  storage.setItem("behaviour.queue.pk_test_sdk.0.0.text", '"text"');
  const analytics = load(storage);
  const messageId = analytics.track("Good");
  expect(await analytics.flush()).toBe(true);
  expect(collector.events.map((event) => event.messageId)).toEqual([messageId]);
  expect(storage.queued).toHaveLength(0);
});
