// Defines the ingestion routes. Each route exists with and without `/v1` and a trailing slash.
// docs/API_DOCUMENTATION.md#sending-events.

import type { EventType } from "@behaviour/contract";

export type IngestRoute =
  | { kind: "event"; type: EventType }
  | { kind: "batch"; import: boolean }
  | { kind: "beacon" }
  | { kind: "pixel" }
  | { kind: "clientMetrics" }
  | { kind: "settings"; writeKey: string };

/** Routes by the path after `/v1/`. openapi.json is generated from this table. */
export const POSTED = new Map<string, IngestRoute>([
  ["track", { kind: "event", type: "track" }],
  ["t", { kind: "event", type: "track" }],
  ["page", { kind: "event", type: "page" }],
  ["p", { kind: "event", type: "page" }],
  ["screen", { kind: "event", type: "screen" }],
  ["s", { kind: "event", type: "screen" }],
  ["identify", { kind: "event", type: "identify" }],
  ["i", { kind: "event", type: "identify" }],
  ["group", { kind: "event", type: "group" }],
  ["g", { kind: "event", type: "group" }],
  ["alias", { kind: "event", type: "alias" }],
  ["a", { kind: "event", type: "alias" }],
  ["batch", { kind: "batch", import: false }],
  ["b", { kind: "batch", import: false }],
  ["import", { kind: "batch", import: true }],
  ["beacon", { kind: "beacon" }],
  ["m", { kind: "clientMetrics" }],
]);
const SETTINGS = /^projects\/([^/]+)\/settings$/;

/** @returns the route and the only method it accepts besides OPTIONS, or null for a path that is not an ingestion path. */
export function ingestRoute(pathname: string): { route: IngestRoute; method: "GET" | "POST" } | null {
  const path = pathname.replace(/^\/(?:v1\/)?/, "").replace(/\/$/, "");
  const posted = POSTED.get(path);
  if (posted !== undefined) return { route: posted, method: "POST" };
  if (path === "pixel.gif") return { route: { kind: "pixel" }, method: "GET" };
  const settings = SETTINGS.exec(path);
  if (settings !== null) return { route: { kind: "settings", writeKey: settings[1] as string }, method: "GET" };
  return null;
}
