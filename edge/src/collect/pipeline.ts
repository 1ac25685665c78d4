// The collector runs the stages of a request in order. Each stage takes a small value, and returns a small value or a Refusal.
// authenticate → read → parse → judge → redact → consent → wrap → append → respond.

import type { IdHash } from "@behaviour/contract";
import { authenticate, keyInBody, keyInHeaders } from "../access/authenticate.ts";
import type { CompiledKey } from "../access/compiled-key.ts";
import { authenticateSession } from "../access/session.ts";
import { Refusal } from "../answer/refusal.ts";
import { result } from "../answer/respond.ts";
import { isFormType, judgeHeaders, readBody } from "../body/read.ts";
import type { Env } from "../env.ts";
import { takeInIsolate } from "../rate-bucket.ts";
import { Appender } from "./append.ts";
import { consent } from "./consent.ts";
import { judge } from "./judge.ts";
import { type ParsedBody, parseBody } from "./parse.ts";
import { recordPreferences } from "./preferences.ts";
import { redact } from "./redact.ts";
import { reportOutcome } from "./reports.ts";
import type { IngestRoute } from "./routes.ts";
import { requestSource } from "./source.ts";
import { publishOutcome, type RequestOutcome } from "./tell-watchers.ts";
import type { RequestFacts } from "./wrap.ts";

export async function collect(
  request: Request,
  route: IngestRoute,
  env: Env,
  requestId: string,
): Promise<Response | Refusal> {
  const receivedAtMs = Date.now();
  const headerKey = keyInHeaders(request.headers);
  if (headerKey instanceof Refusal) return headerKey;
  const headerRecord = headerKey === null ? null : await authenticate(headerKey, request, "write", env, receivedAtMs);
  if (headerRecord instanceof Refusal) return headerRecord;
  const project = headerRecord?.project ?? null;
  const how = judgeHeaders(request.headers);
  if (how instanceof Refusal) return how.of(project);
  const read = await readBody(request, how);
  if (read instanceof Refusal) return read.of(project);
  using sent = read;
  const parsed = parseBody(sent, route);
  if (parsed instanceof Refusal) return asFormRefusal(parsed, request.headers).of(project);
  const bodyKey = keyInBody(parsed.body);
  if (bodyKey instanceof Refusal) return bodyKey.of(project);
  if (headerKey !== null && bodyKey !== null && headerKey !== bodyKey) {
    return new Refusal("conflicting_credentials").of(project);
  }
  const key = headerRecord ?? (await keyWithoutHeader(bodyKey, request, env, receivedAtMs));
  if (key instanceof Refusal) return key;
  const isSecretInBody = key.kind === "secret" && bodyKey !== null;
  return await store(parsed, { key, requestId, receivedAtMs, isSecretInBody }, route, request, env);
}

/** One library labels gzipped JSON as a form, so a form type is refused only if the body is not JSON. */
function asFormRefusal(refusal: Refusal, headers: Headers): Refusal {
  return refusal.code === "invalid_json" && isFormType(headers) ? new Refusal("unsupported_media_type") : refusal;
}

async function keyWithoutHeader(
  bodyKey: string | null,
  request: Request,
  env: Env,
  receivedAtMs: number,
): Promise<CompiledKey | Refusal> {
  if (bodyKey !== null) return authenticate(bodyKey, request, "write", env, receivedAtMs);
  return (await authenticateSession(request, "write", env)) ?? new Refusal("missing_api_key");
}

/** A request whose key is valid. */
export interface Accepted {
  key: CompiledKey;
  requestId: string;
  receivedAtMs: number;
  isSecretInBody: boolean;
}

/** Judges and stores the events of a parsed body, and answers for each event. */
export async function store(
  parsed: ParsedBody,
  accepted: Accepted,
  route: IngestRoute,
  request: Request,
  env: Env,
): Promise<Response | Refusal> {
  const facts: RequestFacts = {
    key: accepted.key,
    requestId: accepted.requestId,
    receivedAtMs: accepted.receivedAtMs,
    isRetry: isRetry(request.headers),
    anyPast: route.kind === "batch" && route.import && accepted.key.kind === "secret",
    defaultType: route.kind === "event" ? route.type : null,
    source: requestSource(request),
  };
  const judged = judge(parsed, facts);
  if (judged.events.length === 0) {
    // No shard sees this request, so no shard counts it against the key's limit.
    const retryAfterSeconds = takeInIsolate(facts.key, judged.rejected.length, facts.receivedAtMs);
    if (retryAfterSeconds > 0) return new Refusal("rate_limited", { retryAfterSeconds }).of(facts.key.project);
  }
  redact(judged, parsed, accepted.key);
  const distinct = withoutRepeats(judged.events);
  const unrecorded = await recordPreferences(distinct, accepted.key, accepted.receivedAtMs, env);
  if (unrecorded !== null) return unrecorded.of(facts.key.project);
  const consented = consent(distinct, request, accepted.key, accepted.receivedAtMs);
  // The bytes are stored as sent only if nothing was repaired or left out, and nothing must be withheld (such as a secret key).
  const untouched = judged.clean && consented.events.length === judged.events.length && !accepted.isSecretInBody;
  const appender = new Appender(facts, parsed, consented, request, env);
  const appended = await appender.append(untouched);
  if (appended instanceof Refusal) return appended.of(facts.key.project);
  const outcome: RequestOutcome = { facts, judged, distinct, observed: appender.observed, dropped: consented.dropped };
  const repeated = judged.events.length - distinct.length;
  if (judged.rejected.length + repeated + consented.suppressed > 0) {
    reportOutcome(outcome, repeated, request, env);
  } else {
    publishOutcome(outcome, appender.observed.watched, env);
  }
  return result(
    {
      success: appended.accepted + appended.duplicates + consented.suppressed > 0,
      accepted: appended.accepted,
      duplicates: appended.duplicates + repeated,
      suppressed: consented.suppressed,
      rejected: judged.rejected.sort((a, b) => a.index - b.index),
      ...judged.warnings.answer(judged.rejected),
    },
    accepted.requestId,
  );
}

function isRetry(headers: Headers): boolean {
  return Number(headers.get("X-Retry-Count") ?? 0) > 0;
}

/** Keeps a hash a small integer: the engine would create an object for each larger number. */
const HASH_BITS = 0x3fffffff;

/** Keeps the first of several events that have the same `messageId` within one request. */
function withoutRepeats<E extends { messageId: string; id: IdHash }>(events: readonly E[]): readonly E[] {
  if (events.length < 2) return events;
  // A set of texts makes the engine intern each text. If all hashes differ, no text appears twice.
  const hashes = new Set<number>();
  for (const { id } of events) hashes.add(id.low & HASH_BITS);
  if (hashes.size === events.length) return events;
  const seen = new Set<string>();
  const first = events.filter(({ messageId }) => {
    const isNew = !seen.has(messageId);
    seen.add(messageId);
    return isNew;
  });
  return first.length === events.length ? events : first;
}
