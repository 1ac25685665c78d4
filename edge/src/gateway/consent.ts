// `POST /v1/consent` writes to the ledger, `GET /v1/consent` reads it. docs/API_DOCUMENTATION.md#consent.

import { hasControl, isObject, type KeyRecord, LIMITS, parseTime } from "@behaviour/contract";
import { authenticate, keyInBody, keyInHeaders } from "../access/authenticate.ts";
import { authenticateSession } from "../access/session.ts";
import { Refusal } from "../answer/refusal.ts";
import { json } from "../answer/respond.ts";
import { judgeHeaders } from "../body/read.ts";
import { PURPOSES, type Purpose } from "../consent/decide.ts";
import type { Env } from "../env.ts";
import { type ConsentWrite, readConsent, recordConsent } from "../ledger/record-consent.ts";
import { type ConsentRecord, verdicts } from "../ledger/standing.ts";
import { takeInIsolate } from "../rate-bucket.ts";
import { checkId, idInBody, parseConsentBody, readConsentBody } from "./consent-body.ts";

const METHOD_LENGTH = 200;

/** Answers 200 once every shard that could see these ids next has the record. */
export async function postConsent(request: Request, env: Env, requestId: string): Promise<Response | Refusal> {
  const receivedAtMs = Date.now();
  const headerKey = keyInHeaders(request.headers);
  if (headerKey instanceof Refusal) return headerKey;
  const headerRecord = headerKey === null ? null : await authenticate(headerKey, request, "consent", env, receivedAtMs);
  if (headerRecord instanceof Refusal) return headerRecord;
  const how = judgeHeaders(request.headers);
  const text = how instanceof Refusal ? how : await readConsentBody(request, how);
  if (text instanceof Refusal) return text.of(headerRecord?.project ?? null);
  const body = parseConsentBody(text);
  if (body instanceof Refusal) return body.of(headerRecord?.project ?? null);
  const key = headerRecord ?? (await keyOfBody(body, request, env, receivedAtMs));
  if (key instanceof Refusal) return key;
  const bodyKey = keyInBody(body);
  if (bodyKey instanceof Refusal) return bodyKey.of(key.project);
  if (headerKey !== null && bodyKey !== null && headerKey !== bodyKey) {
    return new Refusal("conflicting_credentials").of(key.project);
  }
  const refusal = await write(body, text, key, { requestId, receivedAtMs }, env);
  return refusal?.of(key.project) ?? json(200, { success: true }, requestId);
}

async function keyOfBody(
  body: Record<string, unknown>,
  request: Request,
  env: Env,
  nowMs: number,
): Promise<KeyRecord | Refusal> {
  const key = keyInBody(body);
  if (key instanceof Refusal) return key;
  if (key !== null) return authenticate(key, request, "consent", env, nowMs);
  return (await authenticateSession(request, "consent", env)) ?? new Refusal("missing_api_key");
}

async function write(
  body: Record<string, unknown>,
  text: string,
  key: KeyRecord,
  { requestId, receivedAtMs }: { requestId: string; receivedAtMs: number },
  env: Env,
): Promise<Refusal | null> {
  const input = readInput(body, text, requestId, receivedAtMs);
  if (input instanceof Refusal) return input;
  const { anonymousId, userId, record } = input;
  if (key.kind === "public" && userId !== null && isGrant(record)) {
    return new Refusal("insufficient_scope", {
      pointer: "/userId",
      message: "A public key can grant consent for an anonymousId only, because anyone could name any userId.",
    });
  }
  const retryAfterSeconds = takeInIsolate(key, 1, receivedAtMs);
  if (retryAfterSeconds > 0) return new Refusal("rate_limited", { retryAfterSeconds });
  const writes: ConsentWrite[] = [];
  if (anonymousId !== null) writes.push({ kind: "anonymousId", id: anonymousId, record });
  if (userId !== null) writes.push({ kind: "userId", id: userId, record });
  return recordConsent(writes, key, env);
}

interface ConsentInput {
  anonymousId: string | null;
  userId: string | null;
  record: ConsentRecord;
}

function isGrant({ purposes }: ConsentRecord): boolean {
  return Object.values(purposes).includes("granted");
}

function readInput(
  body: Record<string, unknown>,
  text: string,
  requestId: string,
  nowMs: number,
): ConsentInput | Refusal {
  const anonymousId = idInBody(body, text, "anonymousId");
  if (anonymousId instanceof Refusal) return anonymousId;
  const userId = idInBody(body, text, "userId");
  if (userId instanceof Refusal) return userId;
  if (anonymousId === null && userId === null) {
    return new Refusal("invalid_parameter", {
      pointer: "/anonymousId",
      message: "The body needs an anonymousId or a userId.",
    });
  }
  const purposes = readPurposes(body.purposes);
  if (purposes instanceof Refusal) return purposes;
  const method = readText(body.method, "/method");
  if (method instanceof Refusal) return method;
  if (method === null || method.trim() === "") {
    return new Refusal("invalid_parameter", {
      pointer: "/method",
      message: "`method` must say how the choice was made.",
    });
  }
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
      // Nobody consents in the future, and a record with a future time would outrank all later records.
      occurredAtMs: Math.min(occurredAtMs, nowMs),
      purposes,
      method,
      noticeVersion,
    },
  };
}

function readText(value: unknown, pointer: string): string | null | Refusal {
  if (value === undefined || value === null) return null;
  const usable = typeof value === "string" && value.length <= METHOD_LENGTH && !hasControl(value);
  return usable ? value.toWellFormed() : new Refusal("invalid_parameter", { pointer });
}

function readPurposes(value: unknown): ConsentRecord["purposes"] | Refusal {
  if (!isObject(value) || Object.keys(value).length === 0) {
    return new Refusal("invalid_parameter", {
      pointer: "/purposes",
      message: "Each purpose must be `granted` or `denied`.",
    });
  }
  const purposes: ConsentRecord["purposes"] = {};
  for (const [name, said] of Object.entries(value)) {
    const known = (PURPOSES as readonly string[]).includes(name) && (said === "granted" || said === "denied");
    if (!known) return new Refusal("invalid_parameter", { pointer: `/purposes/${name.slice(0, LIMITS.keyLength)}` });
    purposes[name as Purpose] = said;
  }
  return purposes;
}

/** Answers the current purposes, and for a secret key also the whole history. An unknown id has no purposes. */
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
  if (userId !== null && key.kind === "public") {
    return new Refusal("insufficient_scope", { pointer: "/userId" }).of(key.project);
  }
  const asked = userId ?? anonymousId;
  if (asked === null) {
    return new Refusal("invalid_parameter", {
      pointer: "/anonymousId",
      message: "The query needs an anonymousId or a userId.",
    }).of(key.project);
  }
  const kind = userId === null ? "anonymousId" : "userId";
  const id = checkId(asked, `/${kind}`);
  if (id instanceof Refusal) return id.of(key.project);
  const found = await readConsent(kind, id, key, env);
  if (found instanceof Refusal) return found.of(key.project);
  const purposes = Object.fromEntries(
    Object.entries(verdicts(found.standing)).filter(([, verdict]) => verdict !== "unknown"),
  );
  const data = key.kind === "secret" ? { purposes, history: found.history.map(toJson) } : { purposes };
  return json(200, { data }, requestId, { "Cache-Control": "no-store" });
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
