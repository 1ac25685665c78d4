// Reads the page of an event, field by field: from the properties of a page event, else from `context.page`.

import { objectAt, textOrNull } from "./text.ts";

export interface Page {
  url: string | null;
  path: string | null;
  title: string | null;
  referrer: string | null;
}

export const NO_PAGE: Page = { url: null, path: null, title: null, referrer: null };

const NOTHING: Readonly<Record<string, unknown>> = {};

export function readPage(type: string, properties: Record<string, unknown>, context: Record<string, unknown>): Page {
  const own = type === "page" ? properties : NOTHING;
  const page = objectAt(context, "page") ?? NOTHING;
  const url = textOrNull(own.url) ?? textOrNull(page.url);
  return {
    url,
    path: textOrNull(own.path) ?? (own.url === undefined ? textOrNull(page.path) : null) ?? pathOf(url),
    title: textOrNull(own.title) ?? textOrNull(page.title),
    referrer: referrerOf(own.referrer) ?? referrerOf(page.referrer),
  };
}

/** RudderStack's browser libraries send this referrer for a direct visit. */
const DIRECT = "$direct";

function referrerOf(value: unknown): string | null {
  return value === DIRECT ? null : textOrNull(value);
}

/** The path, or null if the text is neither a URL nor an absolute path. A scan: `new URL` costs more than the whole stage. */
function pathOf(url: string | null): string | null {
  if (url === null) return null;
  const scheme = url.indexOf("://");
  if (scheme < 0) return url.startsWith("/") && !url.startsWith("//") ? upToQuery(url) : null;
  const slash = url.indexOf("/", scheme + 3);
  const query = url.slice(scheme + 3).search(/[?#]/);
  if (slash < 0 || (query >= 0 && slash > scheme + 3 + query)) return "/";
  return upToQuery(url.slice(slash));
}

function upToQuery(path: string): string {
  const end = path.search(/[?#]/);
  return end < 0 ? path : path.slice(0, end) || "/";
}

/** The host of a URL in lower case, without user-info, port and a leading `www.`; null if the URL has no host. */
export function hostOf(url: string | null): string | null {
  if (url === null) return null;
  const scheme = url.indexOf("://");
  const start = scheme >= 0 ? scheme + 3 : url.startsWith("//") ? 2 : -1;
  if (start < 0) return null;
  const rest = url.slice(start, start + MAX_AUTHORITY_CHARS);
  const end = rest.search(/[/?#\\]/);
  const authority = end < 0 ? rest : rest.slice(0, end);
  const host = authority
    .slice(authority.lastIndexOf("@") + 1)
    .replace(/:\d*$/, "")
    .replace(/\.$/, "")
    .toLowerCase();
  if (host === "") return null;
  return host.startsWith("www.") ? host.slice(4) : host;
}

/** A host has at most 253 characters; user-info in front of it is rare. */
const MAX_AUTHORITY_CHARS = 512;
