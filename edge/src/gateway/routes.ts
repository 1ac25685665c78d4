// The calls that are forwarded to the query Lambda, and the scope each needs. API.md §5–7.

import type { Scope } from "@behaviour/contract";

export interface ForwardedRoute {
  scope: Scope;
  methods: readonly string[];
}

interface Entry extends ForwardedRoute {
  path: RegExp;
}

const ROUTES: readonly Entry[] = [
  { path: /^\/v1\/query\/(?:realtime|trend|top)$/, scope: "read", methods: ["GET"] },
  { path: /^\/v1\/query\/(?:funnel|retention)$/, scope: "read", methods: ["POST"] },
  { path: /^\/v1\/events$/, scope: "read", methods: ["GET"] },
  { path: /^\/v1\/events\/[^/]+$/, scope: "read", methods: ["GET"] },
  { path: /^\/v1\/failed-events$/, scope: "read", methods: ["GET"] },
  { path: /^\/v1\/failed-events\/replay$/, scope: "read", methods: ["POST"] },
  { path: /^\/v1\/export$/, scope: "read", methods: ["GET"] },
  { path: /^\/v1\/audit(?:\/verify)?$/, scope: "privacy", methods: ["GET"] },
  { path: /^\/v1\/admin\/projects$/, scope: "admin", methods: ["GET", "POST"] },
  { path: /^\/v1\/admin\/projects\/[^/]+$/, scope: "admin", methods: ["GET", "PATCH"] },
  { path: /^\/v1\/admin\/keys$/, scope: "admin", methods: ["GET", "POST"] },
  { path: /^\/v1\/admin\/keys\/[^/]+$/, scope: "admin", methods: ["GET", "DELETE"] },
  { path: /^\/v1\/admin\/keys\/[^/]+\/rotate$/, scope: "admin", methods: ["POST"] },
  { path: /^\/v1\/admin\/alerts$/, scope: "admin", methods: ["GET", "POST"] },
  { path: /^\/v1\/admin\/alerts\/[^/]+$/, scope: "admin", methods: ["GET", "PATCH", "DELETE"] },
  { path: /^\/v1\/admin\/alerts\/[^/]+\/test$/, scope: "admin", methods: ["POST"] },
  { path: /^\/v1\/admin\/reconciliation$/, scope: "admin", methods: ["GET"] },
  { path: /^\/v1\/admin\/redrive$/, scope: "admin", methods: ["GET", "POST"] },
  { path: /^\/v1\/admin\/tracking-plan$/, scope: "admin", methods: ["GET", "PUT", "POST", "PATCH"] },
];

/** `pathname` without its trailing slash. */
export function forwardedRoute(pathname: string): ForwardedRoute | null {
  return ROUTES.find((route) => route.path.test(pathname)) ?? null;
}
