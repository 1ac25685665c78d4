// Collects what the edge knows about the origin of a request. The data is reduced here, before anything is written: the address
// is cut to its network, and headers are masked like events. E7.

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

/** Masks before it truncates: a truncated e-mail address would not be recognized any more. */
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

/** For a cookieless event: the data of its request must not lead to the device either. */
export function withoutDevice({ clientHints: _clientHints, ...source }: RequestSource): RequestSource {
  const referer = source.referer === null ? null : bareUrl(source.referer);
  return { ...source, ip: null, userAgent: null, city: null, referer };
}

/** For a restricted event, which must not be used for advertising. */
export function withoutClickIds(source: RequestSource): RequestSource {
  return source.referer === null ? source : { ...source, referer: stripClickIdText(source.referer) };
}
