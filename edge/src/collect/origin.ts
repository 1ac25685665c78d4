// Which pages may use a public key. Origins are compared as parsed, never as text: case, default ports, punycode and a
// trailing dot would all let the same page in or out by accident. API.md §2.

/** Allowed entries are exact origins or `https://*.example.com`: one or more labels, never the apex. */
export function originAllowed(
  allowed: readonly string[],
  origin: string | null,
  referer: string | null,
): "origin_required" | "origin_not_allowed" | null {
  if (allowed.length === 0) return null;
  const claimed = origin ?? referer;
  if (claimed === null || claimed === "") return "origin_required";
  const url = parseOrigin(claimed);
  if (url === null) return "origin_not_allowed";
  return allowed.some((entry) => matches(entry, url)) ? null : "origin_not_allowed";
}

interface ParsedOrigin {
  scheme: string;
  host: string;
  port: string;
}

/** `null` (sandboxed frames, files) is no URL and thus no origin. */
function parseOrigin(text: string): ParsedOrigin | null {
  const url = URL.parse(text);
  if (url === null || url.hostname === "") return null;
  return { scheme: url.protocol, host: url.hostname.replace(/\.$/, ""), port: url.port };
}

function matches(entry: string, origin: ParsedOrigin): boolean {
  const wildcard = /^([a-z][a-z0-9+.-]*:\/\/)\*\.(.+)$/i.exec(entry);
  const parsed = parseOrigin(wildcard === null ? entry : `${wildcard[1]}${wildcard[2]}`);
  if (parsed === null || parsed.scheme !== origin.scheme || parsed.port !== origin.port) return false;
  return wildcard === null ? origin.host === parsed.host : isBelow(origin.host, parsed.host);
}

/** One or more labels; `.example.com` is a host to URL, with an empty one. */
function isBelow(host: string, apex: string): boolean {
  return (
    host.endsWith(`.${apex}`) &&
    host
      .slice(0, -apex.length - 1)
      .split(".")
      .every((label) => label !== "")
  );
}
