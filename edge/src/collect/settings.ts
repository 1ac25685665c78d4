// `GET /v1/projects/<writeKey>/settings`: what `@segment/analytics-next` loads before it sends anything (`CDNSettings` in its
// source), and what our own library may want to know. docs/API_DOCUMENTATION.md#sending-events.

import { LIMITS } from "@behaviour/contract";
import { findKey } from "../access/keyring.ts";
import { Refusal } from "../answer/refusal.ts";
import { json } from "../answer/respond.ts";
import { callerCountry, callerRegime } from "../consent/regimes.ts";
import type { Env } from "../env.ts";

/** By caller (the regime is its country's), and short: a project's settings may change. */
const CACHE = "private, max-age=120";
/** The names of docs/API_DOCUMENTATION.md#consent a category is known by unless the project maps others. */
const CONSENT_CATEGORIES = ["analytics", "advertising"];

/**
 * Origins and addresses are not judged here: nothing secret is told, and a same-origin GET carries no Origin. The events
 * that follow are judged.
 */
export async function settings(
  writeKey: string,
  request: Request,
  env: Env,
  requestId: string,
): Promise<Response | Refusal> {
  const record = await findKey(writeKey, env, Date.now(), "write");
  if (record instanceof Refusal) return record;
  if (record.kind === "secret") return new Refusal("secret_key_in_browser").of(record.project);
  const url = new URL(request.url);
  const country = callerCountry(request);
  const body = {
    integrations: {
      "Segment.io": {
        apiKey: writeKey,
        apiHost: `${url.host}/v1`,
        protocol: url.protocol.slice(0, -1),
        type: "browser",
        versionSettings: { version: "4.4.7", componentTypes: ["browser"] },
        addBundledMetadata: false,
        unbundledIntegrations: [],
        bundledConfigIds: [],
        unbundledConfigIds: [],
        maybeBundledConfigIds: {},
        retryQueue: true,
      },
    },
    plan: {
      track: { __default: { enabled: true, integrations: {} } },
      identify: { __default: { enabled: true } },
      group: { __default: { enabled: true } },
    },
    edgeFunction: {},
    enabledMiddleware: {},
    metrics: { sampleRate: 0 },
    legacyVideoPluginsEnabled: false,
    remotePlugins: [],
    // Unmapped: Segment's consent tools then send what is refused as well, and the collector decides, on the same signals.
    consentSettings: { allCategories: CONSENT_CATEGORIES, hasUnmappedDestinations: true },
    pipeline: {
      project: record.project,
      consent: { country, regime: callerRegime(country, record.settings) },
      flush: {
        maxEvents: LIMITS.eventsPerRequest,
        maxBytes: LIMITS.bodyBytes,
        maxCompressedBytes: LIMITS.bodyCompressedBytes,
        maxEventBytes: LIMITS.eventBytes,
      },
    },
  };
  return json(200, body, requestId, { "Cache-Control": CACHE });
}
