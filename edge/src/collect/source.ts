// What the edge knows of where a request came from. All of it is cut here, before anything is written: the address to its
// network, and in headers whatever is masked in events. E7.

import { type ClientHints, type RequestSource, stripClickIdText } from "@behaviour/contract";
import { cutAddress } from "../access/address.ts";
import { bareUrl } from "../consent/bare-url.ts";
import { masked } from "../pii/masked.ts";

const USER_AGENT_CHARS = 1_024;
const REFERER_CHARS = 2_048;
const BRANDS_CHARS = 512;
const HINT_CHARS = 64;

export function requestSource(request: Request): RequestSource {
  const { headers } = request;
  const cf = request.cf as IncomingRequestCfProperties | undefined;
  return {
    ip: cutAddress(headers.get("CF-Connecting-IP")),
    userAgent: read(headers, "User-Agent", USER_AGENT_CHARS),
    country: cf?.country ?? null,
    region: cf?.regionCode ?? null,
    city: cf?.city ?? null,
    timezone: cf?.timezone ?? null,
    referer: read(headers, "Referer", REFERER_CHARS),
    ...clientHintsOf(headers),
  };
}

/** Masked first: what the limit cuts in two is no e-mail address any more. */
function read(headers: Headers, name: string, maxChars: number): string | null {
  const value = headers.get(name);
  return value === null ? null : masked(value.toWellFormed()).slice(0, maxChars).toWellFormed();
}

/** Chromium sends these three with every request to any site over TLS. */
function clientHintsOf(headers: Headers): { clientHints?: ClientHints } {
  const brands = read(headers, "Sec-CH-UA", BRANDS_CHARS);
  if (brands === null) return {};
  return {
    clientHints: {
      brands,
      mobile: read(headers, "Sec-CH-UA-Mobile", HINT_CHARS),
      platform: read(headers, "Sec-CH-UA-Platform", HINT_CHARS),
    },
  };
}

/** Of a cookieless event: nothing of its request leads to the device either. */
export function withoutDevice({ clientHints: _clientHints, ...source }: RequestSource): RequestSource {
  const referer = source.referer === null ? null : bareUrl(source.referer);
  return { ...source, ip: null, userAgent: null, city: null, referer };
}

/** Of a restricted event: no advertising use. */
export function withoutClickIds(source: RequestSource): RequestSource {
  return source.referer === null ? source : { ...source, referer: stripClickIdText(source.referer) };
}
