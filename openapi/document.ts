// Assembles the OpenAPI document and compares it with the route tables. A route without a description, or a description
// without a route, fails the generator.

import { LIMITS } from "@behaviour/contract";
import { POSTED } from "../edge/src/collect/routes.ts";
import { FORWARDED_ROUTES, OWN_ROUTES } from "../edge/src/gateway/routes.ts";
import { ErrorResponses, type Operation, type Schema, toOperationObject } from "./operation.ts";
import { ADMINISTRATION } from "./operations/administration.ts";
import { CONSENT } from "./operations/consent.ts";
import { INGESTION } from "./operations/ingestion.ts";
import { READING } from "./operations/reading.ts";
import { SERVICE } from "./operations/service.ts";
import { componentSchemas } from "./schemas.ts";

const OPERATIONS: readonly Operation[] = [...INGESTION, ...CONSENT, ...READING, ...ADMINISTRATION, ...SERVICE];

/** Routes for the control plane only. They do not exist for other callers. */
const INTERNAL = /^\/internal\//;
/** Pages served from the static assets. Every other GET outside the tables is answered from the assets or with 404. */
const PAGES = ["/", "/demo", "/docs", "/sdk/analytics.js"];

const DESCRIPTION = `Behaviour data from web pages, apps and servers: send events, read them in real time and over time, watch them live.

Any Segment library works by changing its host. Every path that takes events may also be written without \`/v1\`, and every path with a slash at its end.
A key is sent as \`Authorization: Bearer\`, as the user of \`Authorization: Basic\`, as \`X-API-Key\`, or as \`writeKey\` at the top of a body, never in an address.

**What a 200 means:** every event of the request is on durable storage and will be in each tier that its consent allows exactly once, by project and
\`messageId\`, or in the failed-events store with a reason. Any other answer, or none, means that sending the same again is safe. Order is not promised.

Bodies are JSON of at most ${LIMITS.bodyBytes / 2 ** 20} MiB (${LIMITS.bodyCompressedBytes / 2 ** 20} MiB compressed by gzip), events of at most ${LIMITS.eventBytes / 1024} KiB.`;

const TAGS = [
  { name: "Sending events", description: "Public or secret keys, scope `write`." },
  { name: "Consent", description: "The ledger of what people said. Scope `consent`." },
  {
    name: "Reading",
    description: "Secret keys with scope `read`, or the dashboard's session. Every call is in the audit log.",
  },
  { name: "Administration", description: "Secret keys with scope `admin`." },
  { name: "Service", description: "No key." },
];

const KEY = "Public keys (`pk_…`) may write events and consent, secret keys (`sk_…`) what their scopes say.";
const SECURITY_SCHEMES = {
  bearer: { type: "http", scheme: "bearer", description: KEY },
  basic: { type: "http", scheme: "basic", description: "The key as user, no password." },
  apiKey: { type: "apiKey", in: "header", name: "X-API-Key" },
  session: {
    type: "apiKey",
    in: "cookie",
    name: "__Host-session",
    description: "From `POST /v1/session`, on our own pages. Over plain http its name is `session`.",
  },
};

/** Every `METHOD path` of the route tables. */
function tableRoutes(): Set<string> {
  const posted = [...POSTED.keys()].map((name) => `POST /v1/${name}`);
  const others = ["GET /v1/pixel.gif", "GET /v1/projects/{writeKey}/settings", ...PAGES.map((path) => `GET ${path}`)];
  const forwarded = Object.entries(FORWARDED_ROUTES).flatMap(([path, { methods }]) =>
    methods.map((m) => `${m} ${path}`),
  );
  const own = Object.entries(OWN_ROUTES)
    .filter(([path]) => !INTERNAL.test(path))
    .flatMap(([path, methods]) => methods.map((method) => `${method} ${path}`));
  return new Set([...posted, ...others, ...forwarded, ...own]);
}

/** Every described `METHOD path`, aliases included. */
function describedRoutes(): Set<string> {
  return new Set(
    OPERATIONS.flatMap(({ method, path, aliases = [] }) => [path, ...aliases].map((each) => `${method} ${each}`)),
  );
}

function assertComplete(): void {
  const [routes, described] = [tableRoutes(), describedRoutes()];
  const missing = [...routes].filter((route) => !described.has(route));
  const surplus = [...described].filter((route) => !routes.has(route));
  if (missing.length > 0) throw new Error(`not described in openapi/operations: ${missing.join(", ")}`);
  if (surplus.length > 0) throw new Error(`described, but in no route table: ${surplus.join(", ")}`);
  for (const { path, method, scope } of OPERATIONS) {
    const forwarded = FORWARDED_ROUTES[path];
    if (forwarded !== undefined && forwarded.scope !== scope) {
      throw new Error(`${method} ${path} needs scope ${forwarded.scope}, not ${scope}`);
    }
  }
}

/** @throws if the document and the route tables do not name the same routes. */
export function openApiDocument(): Record<string, unknown> {
  assertComplete();
  const errorResponses = new ErrorResponses();
  return {
    openapi: "3.1.0",
    info: { title: "Behaviour pipeline", version: "1.0.0", description: DESCRIPTION },
    servers: [{ url: "/", description: "Where this document came from." }],
    tags: TAGS,
    paths: paths(errorResponses),
    components: {
      securitySchemes: SECURITY_SCHEMES,
      headers: {
        RequestId: { description: "Names the request in our logs.", schema: { type: "string", format: "uuid" } },
        RetryAfter: { description: "Seconds to wait.", schema: { type: "integer", minimum: 1 } },
      },
      responses: errorResponses.components,
      schemas: componentSchemas(),
    },
  };
}

function paths(errorResponses: ErrorResponses): Record<string, Schema> {
  const items: Record<string, Schema> = {};
  for (const operation of OPERATIONS) {
    const item = (items[operation.path] ??= {});
    item[operation.method.toLowerCase()] = toOperationObject(operation, errorResponses);
  }
  for (const { path, aliases = [] } of OPERATIONS) {
    for (const alias of aliases) items[alias] = { $ref: `#/paths/${path.replaceAll("/", "~1")}` };
  }
  return items;
}
