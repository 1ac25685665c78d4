// A Kinesis that keeps nothing, in its own process. It answers PutRecords as the service does (one result per record, in order)
// and keeps the records only until they are counted. With it only the server's CPU time is measured. How fast a real stream
// stores records is another question.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { decodeFrame } from "@behaviour/contract";
import { type Answerer, answerParent } from "./child.ts";
import { sequenceOf } from "./events.ts";
import { Sequences } from "./sequences.ts";

export type KinesisQuestion =
  | { ask: "listen" }
  /** Resets all counts. Records from now on belong to this run. */
  | { ask: "begin"; run: string }
  | { ask: "count" };

export interface KinesisCount {
  port: number;
  /** PutRecords calls, and the records in them. */
  calls: number;
  records: number;
  /** Distinct message ids of the run, and copies after the first. */
  distinct: number;
  copies: number;
  /** Events that belong to no known run, and lines that are not envelopes. */
  foreign: number;
}

interface PutRecords {
  Records: { PartitionKey: string; Data: string }[];
}

let run = "";
let undecoded: string[] = [];
let calls = 0;
let records = 0;
let foreign = 0;
let seen = new Sequences();
let nextSequenceNumber = 0n;

function begin(newRun: string): void {
  run = newRun;
  undecoded = [];
  calls = records = foreign = 0;
  seen = new Sequences();
}

/** Decoded only on request, and never while the server is measured. */
function decodeAll(): void {
  for (const data of undecoded) {
    for (const { value } of decodeFrame(Buffer.from(data, "base64"))) countLine(value);
  }
  undecoded = [];
}

/** The possible content of a line on the raw stream. Only requests hold events. */
interface RawLine {
  body?: { batch?: unknown[] };
  redelivery?: true;
  counters?: unknown;
}

function countLine(value: unknown): void {
  const { body, redelivery, counters } = (value ?? {}) as RawLine;
  if (redelivery === true || counters !== undefined) return;
  const events = body?.batch ?? [body];
  for (const event of events) {
    const messageId = (event as { messageId?: unknown } | undefined)?.messageId;
    const sequence = typeof messageId === "string" ? sequenceOf(messageId, run) : null;
    if (sequence === null) foreign++;
    else seen.add(sequence);
  }
}

function putRecords(body: string): { status: number; answer: unknown } {
  const { Records: incoming } = JSON.parse(body) as PutRecords;
  if (!Array.isArray(incoming) || incoming.length === 0 || incoming.length > 500) {
    return { status: 400, answer: { __type: "ValidationException" } };
  }
  calls++;
  records += incoming.length;
  const answers = incoming.map(({ Data }) => {
    undecoded.push(Data);
    return { SequenceNumber: String(++nextSequenceNumber).padStart(56, "4"), ShardId: "shardId-000000000000" };
  });
  return { status: 200, answer: { FailedRecordCount: 0, Records: answers } };
}

function respond(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const isPut = request.headers["x-amz-target"] === "Kinesis_20131202.PutRecords";
    const { status, answer } = isPut
      ? putRecords(Buffer.concat(chunks).toString("latin1"))
      : { status: 400, answer: { __type: "UnknownOperationException" } };
    response.writeHead(status, { "Content-Type": "application/x-amz-json-1.1" }).end(JSON.stringify(answer));
  });
}

const server = createServer(respond);
let port = 0;

function listen(): Promise<void> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      port = (server.address() as AddressInfo).port;
      resolve();
    });
  });
}

const answerQuestion: Answerer<KinesisQuestion, KinesisCount> = async (question) => {
  if (question.ask === "listen") await listen();
  if (question.ask === "begin") begin(question.run);
  if (question.ask === "count") decodeAll();
  return { port, calls, records, distinct: seen.distinct, copies: seen.copies, foreign };
};
answerParent(answerQuestion);
