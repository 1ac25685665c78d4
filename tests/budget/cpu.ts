// What one request costs of CPU: the least of several, because a busy machine adds and never takes away.

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
  /** What Node's own `JSON.parse` takes for the text, in the same minute. */
  parseMs: number;
  status: number;
  accepted: number;
}

/** Rows are sent to the stream a moment after they were stored: not while the next request is measured. */
const REST_MS = 60;

export async function costOf(
  edge: BudgetEdge,
  route: string,
  body: CostlyBody,
  { isGzip = false, runs = 3 }: { isGzip?: boolean; runs?: number } = {},
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
  for (let run = 0; run < runs; run++) {
    const text = body.text();
    const bytes = isGzip ? gzipSync(text, { level: 1 }) : Buffer.from(text);
    cost.parseMs = Math.min(cost.parseMs, parseMs(text));
    const connection = await edge.connect();
    const before = edge.cpuMs();
    const answer = await connection.send(edge.request(route, bytes, isGzip));
    cost.cpuMs = Math.min(cost.cpuMs, edge.cpuMs() - before);
    connection.close();
    cost.sentBytes = bytes.byteLength;
    cost.textBytes = Buffer.byteLength(text);
    cost.status = answer.status;
    const { accepted = 0, duplicates = 0, suppressed = 0 } = JSON.parse(answer.body) as Record<string, number>;
    cost.accepted = accepted + duplicates + suppressed;
    await new Promise((resolve) => setTimeout(resolve, REST_MS));
  }
  return cost;
}

function parseMs(text: string): number {
  const startMs = performance.now();
  try {
    JSON.parse(text);
  } catch {
    // It is refused: what it took until then counts.
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
  const head = "| Route | Body | Bytes sent | CPU ms | `JSON.parse` ms | Answer, events taken |";
  return [head, "|---|---|---:|---:|---:|---|", ...rows].join("\n");
}
