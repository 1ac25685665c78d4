// Sends records to Kinesis by PutRecords, signed by aws4fetch, and judges the answer record by record. A status of 200 for the
// whole call says nothing about its records, and an answer of the wrong form says nothing at all.

import { Buffer } from "node:buffer";
import { LIMITS } from "@behaviour/contract";
import { AwsClient } from "aws4fetch";
import type { Env } from "../env.ts";
import { faultText } from "../fault-text.ts";
import type { RecordOutcome, Sink, SinkRecord } from "./sink.ts";

/** For these errors Kinesis says that the record was not stored. `InternalFailure` says nothing. */
const NOT_TAKEN = new Set(["ProvisionedThroughputExceededException", "KMSThrottlingException"]);

export class KinesisSink implements Sink {
  readonly maxRecords = LIMITS.putRecordsRecords;
  readonly maxBytes = LIMITS.putRecordsBytes;
  readonly #target: KinesisTarget;
  readonly #stream: string;
  readonly #deadlineMs: number;

  constructor(target: KinesisTarget, stream: string, deadlineMs: number) {
    this.#target = target;
    this.#stream = stream;
    this.#deadlineMs = deadlineMs;
  }

  async put(records: readonly SinkRecord[]): Promise<{ outcomes: RecordOutcome[]; fault: string | null }> {
    const unknown = (fault: string) => ({ outcomes: records.map((): RecordOutcome => "unknown"), fault });
    let status: number;
    let text: string;
    try {
      const answer = await callKinesis(this.#target, "PutRecords", this.#body(records), this.#deadlineMs);
      status = answer.status;
      text = await answer.text();
    } catch (fault) {
      return unknown(faultText(fault));
    }
    if (status !== 200) {
      // 4xx is an answer about the whole call: nothing was stored. 5xx may come from any hop in between.
      const outcome: RecordOutcome = status >= 400 && status < 500 ? "refused" : "unknown";
      return { outcomes: records.map(() => outcome), fault: `status ${status}: ${errorType(text)}` };
    }
    const results = readResults(text, records.length);
    if (results === null) return unknown("answer of an unknown form");
    const outcomes = results.map(judgeResult);
    return { outcomes, fault: outcomes.every((outcome) => outcome === "stored") ? null : firstError(results) };
  }

  /** Concatenated by hand, because base64 needs no escaping and the body has megabytes. */
  #body(records: readonly SinkRecord[]): string {
    const entries = records.map(
      ({ partitionKey, data }) =>
        `{"PartitionKey":${JSON.stringify(partitionKey)},"Data":"${Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64")}"}`,
    );
    return `{"StreamName":${JSON.stringify(this.#stream)},"Records":[${entries.join(",")}]}`;
  }
}

interface PutResult {
  SequenceNumber?: unknown;
  ShardId?: unknown;
  ErrorCode?: unknown;
}

/**
 * One result per record, or null if the answer contradicts itself. Only the order says which result belongs to which record, so
 * an answer that an intermediary may have assembled is not trusted.
 */
function readResults(text: string, records: number): PutResult[] | null {
  let answer: { Records?: unknown; FailedRecordCount?: unknown } | null;
  try {
    answer = JSON.parse(text) as typeof answer;
  } catch {
    return null;
  }
  const results = answer?.Records;
  if (!Array.isArray(results) || results.length !== records || !results.every(isResult)) return null;
  const failed = results.filter(({ ErrorCode }) => ErrorCode !== undefined && ErrorCode !== null).length;
  const told = answer?.FailedRecordCount;
  return told === undefined || told === null || told === failed ? results : null;
}

function isResult(entry: unknown): entry is PutResult {
  return typeof entry === "object" && entry !== null && !Array.isArray(entry);
}

function judgeResult(result: PutResult): RecordOutcome {
  if (typeof result.ErrorCode === "string") return NOT_TAKEN.has(result.ErrorCode) ? "refused" : "unknown";
  return typeof result.SequenceNumber === "string" && result.SequenceNumber !== "" ? "stored" : "unknown";
}

function firstError(results: readonly PutResult[]): string {
  const failed = results.find((result) => typeof result.ErrorCode === "string");
  return failed === undefined ? "a record without a sequence number" : String(failed.ErrorCode);
}

/** Returns only the error's type. The error's message may repeat data that was sent. */
function errorType(text: string): string {
  const match = /"__type"\s*:\s*"([\w.#]{1,100})"/.exec(text);
  return match?.[1] ?? "unknown";
}

export interface KinesisTarget {
  region: string;
  endpoint: string;
  client: AwsClient;
}

/** The streams that a shard may flush to: the primary region's, then the secondary region's if configured. */
export function kinesisTargets(env: Env): KinesisTarget[] {
  const primary = { accessKeyId: env.AWS_ACCESS_KEY_ID, secretAccessKey: env.AWS_SECRET_ACCESS_KEY };
  const token = env.AWS_SESSION_TOKEN === undefined ? {} : { sessionToken: env.AWS_SESSION_TOKEN };
  const targets = [targetOf(env.AWS_REGION, env.KINESIS_ENDPOINT, { ...primary, ...token })];
  const region = env.SECONDARY_AWS_REGION ?? "";
  if (region !== "") {
    // The secondary may have its own credentials, so that one region's pair need not open the other's stream. Otherwise the
    // primary's are used.
    const { SECONDARY_AWS_ACCESS_KEY_ID: accessKeyId, SECONDARY_AWS_SECRET_ACCESS_KEY: secretAccessKey } = env;
    const own = accessKeyId && secretAccessKey ? { accessKeyId, secretAccessKey } : { ...primary, ...token };
    targets.push(targetOf(region, env.SECONDARY_KINESIS_ENDPOINT, own));
  }
  return targets;
}

type Credentials = { accessKeyId: string; secretAccessKey: string; sessionToken?: string };

/** @param endpoint if undefined, the region's public endpoint is used. */
function targetOf(region: string, endpoint: string | undefined, credentials: Credentials): KinesisTarget {
  // The flush policy retries. By default aws4fetch itself tries ten times over 25 s.
  const client = new AwsClient({ ...credentials, region, service: "kinesis", retries: 0 });
  return { region, endpoint: endpoint ?? `https://kinesis.${region}.amazonaws.com`, client };
}

export function kinesisSinks(env: Env, deadlineMs: number): KinesisSink[] {
  return kinesisTargets(env).map((target) => new KinesisSink(target, env.RAW_STREAM, deadlineMs));
}

/** Makes one call of Kinesis' JSON protocol. The deadline bounds the body too. */
export function callKinesis(
  { client, endpoint }: KinesisTarget,
  operation: string,
  body: string,
  deadlineMs: number = LIMITS.callDeadlineMs,
): Promise<Response> {
  return client.fetch(`${endpoint}/`, {
    method: "POST",
    headers: { "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": `Kinesis_20131202.${operation}` },
    body,
    signal: AbortSignal.timeout(deadlineMs),
  });
}
