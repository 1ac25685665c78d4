// Runs the query API and the control plane as a Lambda, behind a function URL that accepts SigV4 only. Responses are streamed if
// the platform can (a page of events may be larger than a buffered response), and buffered otherwise.

/* oxlint-disable typescript/no-deprecated -- hono/aws-lambda moves to a package of its own with Hono 5, not before */

import { Hono } from "hono";
import { handle, type LambdaContext, type LambdaEvent, streamHandle } from "hono/aws-lambda";
import { alertServices } from "../alerting/services.ts";
import { queryApp, type ReportFault } from "../api/app.ts";
import { dynamodbClient, s3Client } from "../aws.ts";
import { type Config, readConfig, required } from "../config.ts";
import { databaseClient, sqlClient } from "../database/client.ts";
import { FailedEventStore } from "../failed/index.ts";
import { edgePush } from "../outbound/edge.ts";
import { CursorSigner } from "../query/cursor.ts";
import { Undelivered } from "../redrive/undelivered.ts";
import { ReplayClaims } from "../replay/claims.ts";
import { connectReplayer } from "../replay/connect.ts";
import { faultFields, telemetryOf } from "../telemetry/index.ts";
import { ColdTier } from "../tiers/cold/tier.ts";
import { readRealtime } from "../tiers/hot/read.ts";
import { HotTier } from "../tiers/hot/tier.ts";
import { WarmTier } from "../tiers/warm/tier.ts";
import { PublishedPlans } from "../tracking-plan/published.ts";
import { subjectLookup } from "../vault/index.ts";

const telemetry = telemetryOf("query");

/** A test of an alert's channels is sent within the request, so its deadline is short. */
const ALERT_TEST_MS = 5_000;

/** Logs a fault's class, code and origin, but not its message, which may quote the request or stored data. */
const report: ReportFault = (fault, request) => {
  const stack =
    fault instanceof Error ? fault.stack?.split("\n").filter((line) => line.startsWith("    at ")) : undefined;
  telemetry.count({ faults: 1 });
  telemetry.logger.error("a request ended in a fault", { ...faultFields(fault), ...request, stack });
};

/** @throws Error that names each variable that is missing. */
export function connectQuery(config: Config): Hono {
  const dynamodb = dynamodbClient(config);
  const s3 = s3Client(config);
  const sql = sqlClient(config);
  const readOnly = async (): Promise<never> => {
    throw new Error("the query API stores no failed events");
  };
  return queryApp({
    sql,
    database: databaseClient(config),
    undelivered: new Undelivered(s3),
    alerts: alertServices(config, ALERT_TEST_MS),
    edge: edgePush(config, (reason) => telemetry.logger.warn("keys were not pushed to the edge", { reason })),
    cursors: new CursorSigner(required(config.internalSecret, "INTERNAL_SECRET")),
    lookupSubjects: subjectLookup(dynamodb, required(config.vaultHmacKey, "VAULT_HMAC_KEY")),
    readRealtime: (project, minutes, nowMs) => readRealtime(dynamodb, project, minutes, nowMs),
    tiers: [new HotTier({ dynamodb }), new WarmTier({ sql, storeFailed: readOnly }), new ColdTier({ dynamodb, s3 })],
    failedEvents: new FailedEventStore(s3),
    replays: new ReplayClaims(dynamodb),
    replayer: connectReplayer(config, sql),
    plans: new PublishedPlans(dynamodb),
    report,
    nowMs: Date.now,
  });
}

let app: Hono | undefined;

/** On the first request, not on import: a missing variable then fails a call with an error that names the variable. */
function connected(): Hono {
  app ??= connectQuery(readConfig());
  return app;
}

const lazy = new Hono();
lazy.all("*", async (c) => {
  const startedMs = performance.now();
  try {
    return await connected().fetch(c.req.raw);
  } finally {
    // The time until the response begins. The body of an export is streamed after that.
    telemetry.count({ requests: 1 });
    telemetry.milliseconds("answerMs", performance.now() - startedMs);
    telemetry.publish();
  }
});
// Only an unusable configuration leads here: the invocation fails, and the function's log names the variable.
lazy.onError((fault) => {
  throw fault;
});

/** The response of a function URL that does not stream. */
export interface FunctionUrlAnswer {
  statusCode: number;
  headers: Record<string, string>;
  body: string;
  isBase64Encoded: boolean;
}

export type BufferedHandler = (event: LambdaEvent, context?: LambdaContext) => Promise<FunctionUrlAnswer>;

/** AWS's own runtime adds `awslambda`. If it is absent, hono/aws-lambda defines an empty object. */
const { awslambda } = globalThis as { awslambda?: { streamifyResponse?: unknown } };
const canStream = typeof awslambda?.streamifyResponse === "function";

/** A streaming handler must be marked when it is created, hence on import. Accepts events of a function URL (version 2.0). */
export const handler = (canStream ? streamHandle(lazy) : handle(lazy)) as unknown as BufferedHandler;
