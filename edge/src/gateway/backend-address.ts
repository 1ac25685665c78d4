// Rebuilds the address of a forwarded call from the client's address. The platform in front of the backend reads an unusual
// address differently from our signature, and returns an error of its own. So only an unambiguous address is sent.

import { jsonPointer, LIMITS } from "@behaviour/contract";
import { Refusal } from "../answer/refusal.ts";

/** @returns path and query as they are signed and sent. */
export function backendAddress(url: URL): string | Refusal {
  const path = readPath(url.pathname);
  if (path instanceof Refusal) return path;
  const query = readQuery(url.search);
  return query instanceof Refusal ? query : `${path}${query}`;
}

/** @returns the path without its trailing slash. No route has a segment that can't be decoded. */
function readPath(pathname: string): string | Refusal {
  const segments = pathname
    .replace(/\/$/, "")
    .split("/")
    .map((segment) => decode(segment));
  const isOdd = segments.some((segment) => segment === null || segment === "." || segment === "..");
  const path = segments.map((segment) => encodeURIComponent(segment ?? "")).join("/");
  return isOdd || path.length > LIMITS.queryAddressLength ? new Refusal("not_found") : path;
}

function readQuery(search: string): string | Refusal {
  if (search.length > LIMITS.queryAddressLength) {
    const message = `The query string is longer than ${LIMITS.queryAddressLength} characters.`;
    return new Refusal("invalid_parameter", { message });
  }
  const names = new Set<string>();
  const pairs: string[] = [];
  for (const pair of search.slice(1).split("&")) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const name = decode(spaced(equals < 0 ? pair : pair.slice(0, equals)));
    const value = decode(spaced(equals < 0 ? "" : pair.slice(equals + 1)));
    if (name === null || value === null) {
      return new Refusal("invalid_parameter", { message: "The query string is not percent-encoded UTF-8." });
    }
    if (name === "") {
      return new Refusal("invalid_parameter", { pointer: "/", message: "A parameter has no name." });
    }
    if (names.has(name)) return new Refusal("invalid_parameter", { pointer: pointerTo(name) });
    names.add(name);
    pairs.push(`${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
  }
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}

/** @returns null if the text is not percent-encoded UTF-8. */
function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

/** In a query string a plus means a space. */
function spaced(text: string): string {
  return text.replaceAll("+", "%20");
}

function pointerTo(name: string): string {
  return jsonPointer([name.slice(0, LIMITS.keyLength).toWellFormed()]);
}
