// The address of a forwarded call, written anew from what the client's says. The platform in front of the backend reads an odd
// address otherwise than our signature does, and answers in its own words; so nothing goes there whose meaning is not plain.

import { jsonPointer, LIMITS } from "@behaviour/contract";
import { Refusal } from "../answer/refusal.ts";

/** @returns path and query as they are signed and sent. */
export function backendAddress(url: URL): string | Refusal {
  const path = readPath(url.pathname);
  if (path instanceof Refusal) return path;
  const query = readQuery(url.search);
  return query instanceof Refusal ? query : `${path}${query}`;
}

/** Without its trailing slash. A segment that can't be read names nothing there is. */
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

/** @returns null for what is no percent-encoded UTF-8. */
function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

/** In a query a plus is a blank. */
function spaced(text: string): string {
  return text.replaceAll("+", "%20");
}

function pointerTo(name: string): string {
  return jsonPointer([name.slice(0, LIMITS.keyLength).toWellFormed()]);
}
