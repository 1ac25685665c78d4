// Which pages may use a public key. Origins are compared as parsed, never as text: case, default ports, punycode and a
// trailing dot would all let the same page in or out by accident. docs/API_DOCUMENTATION.md#keys.

/** A key's allowed origins, parsed when its record is read. */
export interface AllowedOrigins {
  /** Exact ones, as `nameOf` writes them. */
  exact: ReadonlySet<string>;
  /** By scheme and port, the ends a host may have: `.example.com` of `https://*.example.com`. */
  endings: ReadonlyMap<string, readonly string[]>;
}

const WILDCARD = /^([a-z][a-z0-9+.-]*:\/\/)\*\.(.+)$/i;

/**
 * Entries are exact origins or `https://*.example.com`: one or more labels, never the apex. An entry that is neither allows
 * no page.
 * @returns null when the key restricts nothing.
 */
export function compileOrigins(entries: readonly string[]): AllowedOrigins | null {
  if (entries.length === 0) return null;
  const exact = new Set<string>();
  const endings = new Map<string, string[]>();
  for (const entry of entries) {
    const wildcard = WILDCARD.exec(entry);
    const parsed = parseOrigin(wildcard === null ? entry : `${wildcard[1]}${wildcard[2]}`);
    if (parsed === null) continue;
    if (wildcard === null) exact.add(nameOf(parsed));
    else {
      const place = placeOf(parsed);
      endings.set(place, [...(endings.get(place) ?? []), `.${parsed.host}`]);
    }
  }
  return { exact, endings };
}

/** `claimed`: the `Origin`, or the `Referer` where there is none. */
export function originAllowed(
  allowed: AllowedOrigins,
  claimed: string | null,
): "origin_required" | "origin_not_allowed" | null {
  if (claimed === null || claimed === "") return "origin_required";
  // A browser writes an origin as it is named here, so most requests need no parser.
  if (allowed.exact.has(claimed)) return null;
  const origin = parseOrigin(claimed);
  if (origin === null) return "origin_not_allowed";
  if (allowed.exact.has(nameOf(origin))) return null;
  const endings = allowed.endings.get(placeOf(origin));
  return endings?.some((ending) => isBelow(origin.host, ending)) ? null : "origin_not_allowed";
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

function nameOf({ scheme, host, port }: ParsedOrigin): string {
  return port === "" ? `${scheme}//${host}` : `${scheme}//${host}:${port}`;
}

function placeOf({ scheme, port }: ParsedOrigin): string {
  return `${scheme}${port}`;
}

/** One or more labels; `.example.com` is a host to URL, with an empty one. */
function isBelow(host: string, ending: string): boolean {
  return (
    host.endsWith(ending) &&
    host
      .slice(0, -ending.length)
      .split(".")
      .every((label) => label !== "")
  );
}
