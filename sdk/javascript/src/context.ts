/** Collects an event's context in the names of Segment's spec. Outside a browser the context only has the library. */
import type { JsonObject } from "./message.ts";
import { LIBRARY_NAME, LIBRARY_VERSION } from "./version.ts";

export interface PageContext extends JsonObject {
  path: string;
  referrer: string;
  search: string;
  title: string;
  url: string;
}

/** The page that is open now; undefined outside a browser. */
export function currentPage(): PageContext | undefined {
  if (typeof document === "undefined") return undefined;
  const { href, pathname, search } = window.location;
  return { path: pathname, referrer: document.referrer, search, title: document.title, url: href };
}

/** The `context` of an event created now. */
export function collectContext(): JsonObject {
  const context: JsonObject = { library: { name: LIBRARY_NAME, version: LIBRARY_VERSION } };
  const page = currentPage();
  if (!page) return context;
  context.page = page;
  context.userAgent = navigator.userAgent;
  context.locale = navigator.language;
  context.timezone = timezone();
  context.screen = { width: screen.width, height: screen.height, density: window.devicePixelRatio };
  const campaign = campaignOf(page.search);
  if (campaign) context.campaign = campaign;
  return context;
}

/** Segment's `context.campaign` from the `utm_` parameters of a query string; `utm_campaign` is its `name`. */
export function campaignOf(search: string): JsonObject | undefined {
  const campaign: JsonObject = {};
  for (const [parameter, value] of new URLSearchParams(search)) {
    if (!parameter.startsWith("utm_") || value === "") continue;
    const name = parameter.slice("utm_".length);
    campaign[name === "campaign" ? "name" : name] = value;
  }
  return Object.keys(campaign).length > 0 ? campaign : undefined;
}

/** Merges `over` into `base` key by key. If both values are objects, their keys are merged too, one level deep. */
export function mergeContext(base: JsonObject, over: JsonObject): JsonObject {
  const merged = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key];
    merged[key] = isObject(below) && isObject(value) ? { ...below, ...value } : value;
  }
  return merged;
}

function timezone(): string | undefined {
  try {
    return Intl.DateTimeFormat().resolvedOptions().timeZone;
  } catch {
    return undefined; // some embedded browsers ship without time zone data
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
