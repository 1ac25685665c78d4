// `POST /v1/consent` writes to the ledger, `GET /v1/consent` reads it. API.md §4.

import { isObject, type KeyRecord, LIMITS, parseTime } from "@behaviour/contract";
import { authenticate, keyInBody, keyInHeaders } from "../collect/authenticate.ts";
import { judgeHeaders, withBody } from "../collect/read.ts";
import { hasControl } from "../collect/scan.ts";
import type { Env } from "../env.ts";
import { authenticateSession } from "../gateway/session.ts";
import { Refusal } from "../refusal.ts";
import { json } from "../respond.ts";
import { ledgerId } from "../shard/consent-claim.ts";
import { type ConsentRecord, currentVerdicts } from "../shard/ledger.ts";
import { regionOf, shardIndex, shardName, shardStub } from "../shard/placement.ts";
import { PURPOSES, type Purpose } from "./decide.ts";
import { recordConsent } from "./record.ts";

const METHOD_LENGTH = 200;

/** 200 once every shard that could see these ids next has the record. */
export async function postConsent(request: Request, env: Env, requestId: string): Promise<Response | Refusal> {
  const receivedAtMs = Date.now();
  const headerKey = keyInHeaders(request.headers);
  if (headerKey instanceof Refusal) return headerKey;
  const headerRecord = headerKey === null ? null : await authenticate(headerKey, request, "consent", env, receivedAtMs);
  if (headerRecord instanceof Refusal) return headerRecord;
  const how = judgeHeaders(request.headers);
  if (how instanceof Refusal) return how.of(headerRecord?.project ?? null);
  const answer = await withBody(request, how, async (text) => {
    const body = parseObject(text);
    if (body instanceof Refusal) return body;
    const bodyKey = keyInBody(body);
    if (bodyKey instanceof Refusal) return bodyKey;
    if (headerKey !== null && bodyKey !== null && headerKey !== bodyKey) return new Refusal("conflicting_credentials");
    const key =
      headerRecord ??
      (bodyKey === null
        ? await authenticateSession(request, "consent", env)
        : await authenticate(bodyKey, request, "consent", env, receivedAtMs));
    if (key === null) return new Refusal("missing_api_key");
    if (key instanceof Refusal) return key;
    const input = readConsent(body, requestId, receivedAtMs);
    if (input instanceof Refusal) return input.of(key.project);
    if (key.kind === "public" && input.userId !== null && isGrant(input.record)) {
      return new Refusal("insufficient_scope", {
        pointer: "/userId",
        message: "A public key may grant for an anonymousId only: anyone can name any userId.",
      }).of(key.project);
    }
    const refusal = await recordConsent(input, key, env);
    return refusal?.of(key.project) ?? json(200, { success: true }, requestId);
  });
  return answer instanceof Refusal ? answer.of(headerRecord?.project ?? null) : answer;
}

function parseObject(text: string): Record<string, unknown> | Refusal {
  try {
    const body: unknown = JSON.parse(text);
    return isObject(body) ? body : new Refusal("invalid_payload");
  } catch {
    return new Refusal(text.trim() === "" ? "empty_body" : "invalid_json");
  }
}

interface ConsentInput {
  anonymousId: string | null;
  userId: string | null;
  record: ConsentRecord;
}

function isGrant({ purposes }: ConsentRecord): boolean {
  return Object.values(purposes).includes("granted");
}

function readConsent(body: Record<string, unknown>, requestId: string, nowMs: number): ConsentInput | Refusal {
  const anonymousId = readId(body.anonymousId, "/anonymousId");
  if (anonymousId instanceof Refusal) return anonymousId;
  const userId = readId(body.userId, "/userId");
  if (userId instanceof Refusal) return userId;
  if (anonymousId === null && userId === null) {
    return new Refusal("invalid_parameter", { pointer: "/anonymousId", message: "Name an anonymousId or a userId." });
  }
  const purposes = readPurposes(body.purposes);
  if (purposes instanceof Refusal) return purposes;
  const method = readText(body.method, "/method");
  if (method instanceof Refusal) return method;
  const noticeVersion = readText(body.noticeVersion, "/noticeVersion");
  if (noticeVersion instanceof Refusal) return noticeVersion;
  const claimed = body.occurredAt ?? null;
  const occurredAtMs = claimed === null ? nowMs : parseTime(claimed);
  if (occurredAtMs === null) return new Refusal("invalid_parameter", { pointer: "/occurredAt" });
  return {
    anonymousId,
    userId,
    record: {
      record: requestId,
      recordedAtMs: nowMs,
      // Nobody consents in the future: a record from there would outrank all that follow.
      occurredAtMs: Math.min(occurredAtMs, nowMs),
      purposes,
      method: method ?? "unspecified",
      noticeVersion,
    },
  };
}

/** A number is taken as its text, as on events. */
function readId(value: unknown, pointer: string): string | null | Refusal {
  if (value === undefined || value === null) return null;
  const text = typeof value === "number" ? String(value) : value;
  const usable = typeof text === "string" && text !== "" && text.length <= LIMITS.idLength && !hasControl(text);
  return usable ? text.toWellFormed() : new Refusal("invalid_parameter", { pointer });
}

function readText(value: unknown, pointer: string): string | null | Refusal {
  if (value === undefined || value === null) return null;
  const usable = typeof value === "string" && value.length <= METHOD_LENGTH && !hasControl(value);
  return usable ? value.toWellFormed() : new Refusal("invalid_parameter", { pointer });
}

function readPurposes(value: unknown): ConsentRecord["purposes"] | Refusal {
  if (!isObject(value) || Object.keys(value).length === 0) {
    return new Refusal("invalid_parameter", { pointer: "/purposes", message: "Say granted or denied of a purpose." });
  }
  const purposes: ConsentRecord["purposes"] = {};
  for (const [name, said] of Object.entries(value)) {
    const known = (PURPOSES as readonly string[]).includes(name) && (said === "granted" || said === "denied");
    if (!known) return new Refusal("invalid_parameter", { pointer: `/purposes/${name.slice(0, LIMITS.keyLength)}` });
    purposes[name as Purpose] = said;
  }
  return purposes;
}

/** The purposes as they stand; with a secret key the whole history beside them. An unknown id has none. */
export async function getConsent(request: Request, env: Env, requestId: string): Promise<Response | Refusal> {
  const headerKey = keyInHeaders(request.headers);
  if (headerKey instanceof Refusal) return headerKey;
  const key =
    headerKey === null
      ? await authenticateSession(request, "consent", env)
      : await authenticate(headerKey, request, "consent", env, Date.now());
  if (key === null) return new Refusal("missing_api_key");
  if (key instanceof Refusal) return key;
  const parameters = new URL(request.url).searchParams;
  const anonymousId = parameters.get("anonymousId") || null;
  const userId = parameters.get("userId") || null;
  if (userId !== null && key.kind === "public") return new Refusal("insufficient_scope", { pointer: "/userId" });
  const asked = readId(userId ?? anonymousId, userId === null ? "/anonymousId" : "/userId");
  if (asked instanceof Refusal) return asked;
  if (asked === null) {
    return new Refusal("invalid_parameter", {
      pointer: "/anonymousId",
      message: "Ask for an anonymousId or a userId.",
    });
  }
  const kind = userId === null ? "anonymousId" : "userId";
  const history = await readHistory(kind, asked, key, request, env);
  if (history instanceof Refusal) return history;
  const verdicts = currentVerdicts(history);
  const purposes = Object.fromEntries(Object.entries(verdicts).filter(([, verdict]) => verdict !== "unknown"));
  const data = key.kind === "secret" ? { purposes, history: history.map(toJson) } : { purposes };
  return json(200, { data }, requestId, { "Cache-Control": "no-store" });
}

/** Any shard that sees the id has all of it: the nearest one is asked. */
async function readHistory(
  kind: "anonymousId" | "userId",
  id: string,
  key: KeyRecord,
  request: Request,
  env: Env,
): Promise<ConsentRecord[] | Refusal> {
  const region = regionOf(request);
  const index = kind === "anonymousId" ? shardIndex(id, key.shards) : 0;
  const stub = shardStub(env, shardName(key.project, region.code, index), region);
  try {
    return await stub.consentHistory(ledgerId(kind, id));
  } catch {
    return new Refusal("unavailable", { retryAfterSeconds: 2 });
  }
}

function toJson(record: ConsentRecord): Record<string, unknown> {
  return {
    purposes: record.purposes,
    method: record.method,
    noticeVersion: record.noticeVersion,
    occurredAt: new Date(record.occurredAtMs).toISOString(),
    recordedAt: new Date(record.recordedAtMs).toISOString(),
  };
}
