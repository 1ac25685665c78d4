/** Wraps the library for the shop: starts it, adds the shop's address to events, and keeps the list of sent events. */
import type { Analytics as AnalyticsClass, JsonObject, MessageOptions } from "@behaviour/analytics";
import { signal } from "@preact/signals";
import { route } from "./router.ts";
import { noteBeacon, noteSent, noteState } from "./sent-events.ts";
import { load, randomId, save } from "./session-store.ts";

declare global {
  interface Window {
    /** Set by /sdk/analytics.js. */
    Analytics?: typeof AnalyticsClass;
  }
}

let analytics: AnalyticsClass | undefined;

/** The reason why events are not sent; undefined if there is no problem. */
export const analyticsProblem = signal<string | undefined>(undefined);

/** The messageId of the event that is created when the page is left. */
export const leavingMessageId = signal(randomId("leave"));

const openedAtMs = Date.now();

/** Fetches the public key and starts the library. The shop works without it. */
export async function startAnalytics(): Promise<void> {
  try {
    if (!window.Analytics) throw new Error("/sdk/analytics.js did not load");
    const response = await fetch("/demo/config.json");
    if (!response.ok) throw new Error(`no public key: HTTP ${response.status}`);
    const { writeKey } = (await response.json()) as { writeKey: string };
    analytics = new window.Analytics(writeKey, {
      host: location.origin,
      onDelivered: (messageIds) => noteState(messageIds, "stored"),
      onError: ({ messageIds, message }) => {
        noteState(messageIds, "lost");
        analyticsProblem.value = message;
      },
    });
    watchLeaving();
  } catch (error) {
    analyticsProblem.value = error instanceof Error ? error.message : String(error);
  }
}

export function track(event: string, properties: JsonObject, options: MessageOptions = {}): void {
  const messageId = analytics?.track(event, properties, withAddress(options));
  if (messageId) note(messageId, "track", event);
}

export function page(name: string, properties: JsonObject = {}): void {
  const address = currentAddress();
  const messageId = analytics?.page(name, { ...address, ...properties }, withAddress({}));
  if (messageId) note(messageId, "page", name);
}

export function identify(userId: string, traits: JsonObject): void {
  const messageId = analytics?.identify(userId, traits, withAddress({}));
  if (messageId) note(messageId, "identify", "Identify");
}

/** The made-up customer of this tab. */
export function customerId(): string {
  const id = load("customerId", randomId("cus"));
  save("customerId", id);
  return id;
}

/** The last event of a page is created while the page is left. The library sends it by beacon. */
function watchLeaving(): void {
  addEventListener("pagehide", () => {
    const messageId = leavingMessageId.value;
    const seconds = Math.round((Date.now() - openedAtMs) / 1_000);
    track("Page Left", { path: route.value.path, seconds_on_page: seconds }, { messageId });
    noteBeacon();
    // The page may return from the back-forward cache and be left again.
    leavingMessageId.value = randomId("leave");
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) noteBeacon();
  });
}

/** The view's address. The library reads the page's path, but the shop's routes are in the fragment. */
function currentAddress(): { path: string; url: string; title: string } {
  return { path: route.value.path, url: location.href, title: document.title };
}

function withAddress(options: MessageOptions): MessageOptions {
  return { ...options, context: { ...options.context, page: currentAddress() } };
}

function note(messageId: string, type: string, name: string): void {
  noteSent({ messageId, type, name, path: route.value.path, atMs: Date.now(), state: "queued" });
}
