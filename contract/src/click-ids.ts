// Advertising click ids: what they are called, whose they are, and how they are taken out where consent does not cover
// advertising (outcomes `restricted` and stricter). The edge does it before the first write, the processor again for rows of
// an older release. API.md §4.

import { isObject } from "./event.ts";

type JsonObject = Record<string, unknown>;

/**
 * Of the lists below. Sources: the vendors' own pages on auto-tagging, and for what they do not say the lists by which browsers
 * take such parameters out of links (https://github.com/brave/adblock-lists, "query-filter"; https://github.com/mpchadwick/
 * tracking-query-params-registry).
 */
export const CLICK_IDS_VERSION = "2026-11-30";

/** Query parameter → who sets it on the way from a paid placement. Lower case. */
const CLICK_IDS: ReadonlyMap<string, string> = new Map([
  ["gclid", "Google"],
  ["gbraid", "Google"],
  ["wbraid", "Google"],
  ["gclsrc", "Google"],
  ["dclid", "Google"],
  ["gad_source", "Google"],
  ["gad_campaignid", "Google"],
  ["fbclid", "Facebook"],
  ["msclkid", "Bing"],
  ["ttclid", "TikTok"],
  ["twclid", "X"],
  ["li_fat_id", "LinkedIn"],
  ["epik", "Pinterest"],
  ["rdt_cid", "Reddit"],
  ["sccid", "Snapchat"],
  ["yclid", "Yandex"],
  ["ysclid", "Yandex"],
  ["qclid", "Quora"],
  ["irclickid", "Impact"],
  ["irclid", "Impact"],
  ["tblci", "Taboola"],
  ["obclid", "Outbrain"],
]);

/** Parameters that name a person to whoever set them, without saying that the placement was paid. Lower case. */
const LINK_IDS = ["igshid", "_kx", "oppref", "mc_eid", "_hsenc", "vero_id", "__s", "mkt_tok", "wickedid"];

/** Keys whose value is an advertising identifier without being a click id: cookies' names, native ids. Lower case. */
const ADVERTISING_KEYS: ReadonlySet<string> = new Set([
  ...CLICK_IDS.keys(),
  ...LINK_IDS,
  "fbc",
  "_fbc",
  "fbp",
  "_fbp",
  "_gcl_aw",
  "_gcl_au",
  "_gcl_dc",
  "_gcl_gb",
  "_ttp",
  "_uetmsclkid",
  "advertisingid",
  "idfa",
  "gaid",
]);

const NAMES = [...CLICK_IDS.keys(), ...LINK_IDS].join("|");
/**
 * A run of such parameters in a query or a fragment, with the separator before it and, if there is one, after it; also
 * inside a URL that is itself a parameter (`%26gclid%3D…`).
 */
const VALUE = "(?:[^&#;\\s%]|%(?!26|23))*";
const RUN = new RegExp(`([?&#;]|%3F|%26|%23)(?:(?:${NAMES})(?:=|%3D)${VALUE}(&|%26|))+`, "gi");
const ANY_NAME = new RegExp(`(?:${NAMES})(?:=|%3D)`, "i");

/** Whether a member of this name holds a click id or an advertising id. */
export function isAdvertisingKey(key: string): boolean {
  return ADVERTISING_KEYS.has(key.toLowerCase());
}

/** The owner of the first click id in a URL's query, or null. */
export function clickIdSource(url: string): string | null {
  const query = url.indexOf("?");
  if (query < 0 || !ANY_NAME.test(url)) return null;
  const end = url.indexOf("#", query);
  for (const part of url.slice(query + 1, end < 0 ? undefined : end).split("&")) {
    const equals = part.indexOf("=");
    if (equals <= 0 || equals === part.length - 1) continue;
    const source = CLICK_IDS.get(part.slice(0, equals).toLowerCase());
    if (source !== undefined) return source;
  }
  return null;
}

/** The text without click-id parameters. What follows them takes their place; at the end the separator goes as well. */
export function stripClickIdText(text: string): string {
  if (!ANY_NAME.test(text)) return text;
  return text.replace(RUN, (_run, before: string, after: string) => (after === "" ? "" : before));
}

/** A copy of `object` without click ids at any depth; the same object when there were none. Nothing is changed in place. */
export function stripClickIds(object: JsonObject): JsonObject {
  let copy: JsonObject | undefined;
  for (const key in object) {
    if (isAdvertisingKey(key)) {
      copy ??= { ...object };
      delete copy[key];
      continue;
    }
    const value = object[key];
    const stripped = stripValue(value);
    if (stripped !== value) {
      copy ??= { ...object };
      copy[key] = stripped;
    }
  }
  return copy ?? object;
}

function stripValue(value: unknown): unknown {
  if (typeof value === "string") return stripClickIdText(value);
  if (typeof value !== "object" || value === null) return value;
  if (!Array.isArray(value)) return stripClickIds(value as JsonObject);
  const stripped = value.map(stripValue);
  return stripped.some((item, index) => item !== value[index]) ? stripped : value;
}

/**
 * `context` without advertising ids. `context.referrer` of Segment's spec is `{id, type}`: the id of an ad network's click.
 */
export function stripContext(context: JsonObject): JsonObject {
  const stripped = stripClickIds(context);
  const { referrer } = stripped;
  if (!isObject(referrer) || !("id" in referrer)) return stripped;
  const { id: _clickId, ...kept } = referrer;
  return { ...stripped, referrer: kept };
}
