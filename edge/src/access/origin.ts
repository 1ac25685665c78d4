// Decides which pages may use a public key. Origins are compared after parsing, never as text: otherwise case, default ports,
// punycode or a trailing dot would allow or refuse the same page by accident. docs/API_DOCUMENTATION.md#keys.

/** A key's allowed origins, parsed when its record is read. */
export interface AllowedOrigins {
  /** Exact origins, in the form of `nameOf`. */
  exact: ReadonlySet<string>;
  /** Allowed host suffixes by scheme and port: `.example.com` for `https://*.example.com`. */
  endings: ReadonlyMap<string, readonly string[]>;
}

const WILDCARD = /^([a-z][a-z0-9+.-]*:\/\/)\*\.(.+)$/i;

/**
 * An entry is an exact origin or `https://*.example.com`, where `*` matches one or more labels but never the apex. Any other
 * entry allows no page.
 * @returns null if the key has no entries.
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

/** `claimed`: the `Origin` header, or the `Referer` if there is no `Origin`. */
export function originAllowed(
  allowed: AllowedOrigins,
  claimed: string | null,
): "origin_required" | "origin_not_allowed" | null {
  if (claimed === null || claimed === "") return "origin_required";
  // A browser sends an origin in the form of `nameOf`, so most requests need no parser.
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

/** `null` (sent from sandboxed frames and files) is not a URL, and therefore not an origin. */
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

/** Whether one or more labels precede the ending. `URL` accepts `.example.com` as a host, with an empty label. */
function isBelow(host: string, ending: string): boolean {
  return (
    host.endsWith(ending) &&
    host
      .slice(0, -ending.length)
      .split(".")
      .every((label) => label !== "")
  );
}
