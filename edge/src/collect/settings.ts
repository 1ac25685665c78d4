// Answers `GET /v1/projects/<writeKey>/settings`, which `@segment/analytics-next` loads before it sends an event (`CDNSettings`
// in its source). The member `pipeline` is for our own library. docs/API_DOCUMENTATION.md#sending-events.

import { LIMITS } from "@behaviour/contract";
import { findKey } from "../access/keyring.ts";
import { Refusal } from "../answer/refusal.ts";
import { json } from "../answer/respond.ts";
import { callerCountry, callerRegime } from "../consent/regimes.ts";
import type { Env } from "../env.ts";

/** Private, because the regime depends on the caller's country. Short, because a project's settings may change. */
const CACHE = "private, max-age=120";
/** The category names of docs/API_DOCUMENTATION.md#consent, which apply unless the project maps other names. */
const CONSENT_CATEGORIES = ["analytics", "advertising"];

/**
 * Origin and address are not checked here: the answer holds no secret, and a same-origin GET carries no Origin. The events
 * that follow are checked.
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
    // With unmapped destinations, Segment's consent tools also send events of a visitor who refused. The collector then decides
    // on the same signals.
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
