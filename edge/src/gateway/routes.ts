// Lists the gateway's routes: its own routes, and the routes forwarded to the query Lambda, each with the scope it needs.
// The routes are tables, so that openapi.json (openapi/) is generated from them. docs/API_DOCUMENTATION.md#reading.

import type { Scope } from "@behaviour/contract";

export interface ForwardedRoute {
  scope: Scope;
  methods: readonly string[];
  /** The answer may take any time, as long as data keeps arriving. */
  streams?: true;
}

/** By path; a name in braces stands for one segment. */
export const FORWARDED_ROUTES: Readonly<Record<string, ForwardedRoute>> = {
  "/v1/query/realtime": { scope: "read", methods: ["GET"] },
  "/v1/query/trend": { scope: "read", methods: ["GET"] },
  "/v1/query/sessions": { scope: "read", methods: ["GET"] },
  "/v1/query/top": { scope: "read", methods: ["GET"] },
  "/v1/query/funnel": { scope: "read", methods: ["POST"] },
  "/v1/query/retention": { scope: "read", methods: ["POST"] },
  "/v1/events": { scope: "read", methods: ["GET"] },
  "/v1/events/{messageId}": { scope: "read", methods: ["GET"] },
  "/v1/failed-events": { scope: "read", methods: ["GET"] },
  "/v1/failed-events/replay": { scope: "read", methods: ["POST"] },
  "/v1/export": { scope: "read", methods: ["GET"], streams: true },
  "/v1/audit": { scope: "privacy", methods: ["GET"] },
  "/v1/audit/verify": { scope: "privacy", methods: ["GET"] },
  "/v1/admin/projects": { scope: "admin", methods: ["GET", "POST"] },
  "/v1/admin/projects/{id}": { scope: "admin", methods: ["GET", "PATCH"] },
  "/v1/admin/keys": { scope: "admin", methods: ["GET", "POST"] },
  "/v1/admin/keys/{id}": { scope: "admin", methods: ["GET", "DELETE"] },
  "/v1/admin/keys/{id}/rotate": { scope: "admin", methods: ["POST"] },
  "/v1/admin/alerts": { scope: "admin", methods: ["GET", "POST"] },
  "/v1/admin/alerts/{id}": { scope: "admin", methods: ["GET", "PATCH", "DELETE"] },
  "/v1/admin/alerts/{id}/test": { scope: "admin", methods: ["POST"] },
  "/v1/admin/reconciliation": { scope: "admin", methods: ["GET"] },
  "/v1/admin/redrive": { scope: "admin", methods: ["GET", "POST"] },
  "/v1/admin/tracking-plan": { scope: "admin", methods: ["GET", "PUT", "POST", "PATCH"] },
};

interface Pattern {
  path: RegExp;
  route: ForwardedRoute;
}

/** The few paths with a name in braces, which are tried in turn. All other paths are looked up directly. */
const PATTERNS: readonly Pattern[] = Object.entries(FORWARDED_ROUTES)
  .filter(([path]) => path.includes("{"))
  .map(([path, route]) => ({ path: new RegExp(`^${path.replaceAll(/\{\w+\}/g, "[^/]+")}$`), route }));

/** `pathname` without its trailing slash. */
export function forwardedRoute(pathname: string): ForwardedRoute | null {
  if (Object.hasOwn(FORWARDED_ROUTES, pathname)) return FORWARDED_ROUTES[pathname] as ForwardedRoute;
  return PATTERNS.find(({ path }) => path.test(pathname))?.route ?? null;
}

/** Routes that the Worker answers itself, by path, with their methods. The handlers are in worker.ts. */
export const OWN_ROUTES = {
  "/healthz": ["GET"],
  "/readyz": ["GET"],
  "/openapi.json": ["GET"],
  "/v1/session": ["POST", "DELETE"],
  "/v1/live": ["GET"],
  "/v1/consent": ["GET", "POST"],
  "/consent": ["GET", "POST"],
  "/internal/keys": ["POST"],
  "/demo/config.json": ["GET"],
  "/.well-known/gpc.json": ["GET"],
} as const satisfies Record<string, readonly string[]>;

/** A value for each path and each of its methods. */
export type ForOwnRoutes<T> = {
  [Path in keyof typeof OWN_ROUTES]: Record<(typeof OWN_ROUTES)[Path][number], T>;
};
