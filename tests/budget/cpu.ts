// The CPU cost of one request: the minimum of several, because a busy machine adds CPU time and never removes it.

import { gzipSync } from "node:zlib";
import type { CostlyBody } from "./bodies.ts";
import type { BudgetEdge } from "./edge.ts";

export interface Cost {
  route: string;
  body: string;
  events: number;
  sentBytes: number;
  textBytes: number;
  cpuMs: number;
  /** The time of Node's own `JSON.parse` for the same text, in the same minute. */
  parseMs: number;
  status: number;
  accepted: number;
}

/** Rows are sent to the stream a moment after they were stored. This pause keeps that work out of the next measurement. */
const REST_MS = 60;

export interface CostOptions {
  isGzip?: boolean;
  /** At most. */
  runs?: number;
  /** Ends the measurement when the cost so far is low enough. */
  isEnough?: (cost: Cost) => boolean;
}

export async function costOf(
  edge: BudgetEdge,
  route: string,
  body: CostlyBody,
  { isGzip = false, runs = 3, isEnough = () => false }: CostOptions = {},
): Promise<Cost> {
  const cost: Cost = {
    route: isGzip ? `${route} (gzip)` : route,
    body: body.name,
    events: body.events,
    sentBytes: 0,
    textBytes: 0,
    cpuMs: Number.POSITIVE_INFINITY,
    parseMs: Number.POSITIVE_INFINITY,
    status: 0,
    accepted: 0,
  };
  // A server that refuses a body unread closes the connection. The reset may overtake the answer, so the request is repeated.
  let lost = new Error("no run");
  for (let run = 0; run < runs; run++) {
    const text = body.text();
    const bytes = isGzip ? gzipSync(text, { level: 1 }) : Buffer.from(text);
    cost.parseMs = Math.min(cost.parseMs, parseMs(text));
    const connection = await edge.connect();
    const before = edge.cpuMs();
    const answer = await connection.send(edge.request(route, bytes, isGzip)).catch((fault: Error) => {
      lost = fault;
      return null;
    });
    const cpuMs = edge.cpuMs() - before;
    connection.close();
    if (answer === null) continue;
    cost.cpuMs = Math.min(cost.cpuMs, cpuMs);
    cost.sentBytes = bytes.byteLength;
    cost.textBytes = Buffer.byteLength(text);
    cost.status = answer.status;
    const { accepted = 0, duplicates = 0, suppressed = 0 } = JSON.parse(answer.body) as Record<string, number>;
    cost.accepted = accepted + duplicates + suppressed;
    await new Promise((resolve) => setTimeout(resolve, REST_MS));
    if (isEnough(cost)) break;
  }
  if (cost.status === 0) throw lost;
  return cost;
}

function parseMs(text: string): number {
  const startMs = performance.now();
  try {
    JSON.parse(text);
  } catch {
    // The body was refused. The CPU time until then counts.
  }
  return performance.now() - startMs;
}

export function table(costs: readonly Cost[]): string {
  const rows = costs
    .toSorted((a, b) => b.cpuMs - a.cpuMs)
    .map(
      ({ route, body, sentBytes, cpuMs, parseMs: parsed, status, accepted }) =>
        `| \`${route}\` | ${body} | ${sentBytes.toLocaleString("en-US")} | ${cpuMs.toFixed(0)} | ${parsed.toFixed(0)} | ${status}, ${accepted.toLocaleString("en-US")} |`,
    );
  const head = "| Route | Body | Bytes sent | CPU ms | `JSON.parse` ms | Answer, events accepted |";
  return [head, "|---|---|---:|---:|---:|---|", ...rows].join("\n");
}
