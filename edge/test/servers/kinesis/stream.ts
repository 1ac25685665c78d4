// Reads the stream behind the edge for a test in workerd, and sets its faults.

import { env } from "cloudflare:workers";
import { Buffer } from "node:buffer";
import { decodeFrame, mergeBatchContext, RequestEnvelope } from "@behaviour/contract";
import { expect, vi } from "vitest";
import type { ArrivedRecord, Fault, StreamState } from "./faults.ts";

/** @param endpoint of the region's stream; the primary region by default */
export async function setFaults(
  project: string,
  faults: readonly Fault[],
  endpoint: string = env.KINESIS_ENDPOINT,
): Promise<void> {
  await fetch(`${endpoint}/test/faults/${project}`, { method: "PUT", body: JSON.stringify(faults) });
}

export async function streamState(project: string, endpoint: string = env.KINESIS_ENDPOINT): Promise<StreamState> {
  return (await fetch(`${endpoint}/test/state/${project}`)).json();
}

export function bytesOf(record: ArrivedRecord): Uint8Array {
  return new Uint8Array(Buffer.from(record.data, "base64"));
}

export interface StreamLine {
  envelope: RequestEnvelope;
  events: Record<string, unknown>[];
}

/** The lines of records: envelopes with their events and the batch's context merged in. Also counts the redelivery marks. */
export function readRecords(records: readonly ArrivedRecord[]): { lines: StreamLine[]; marks: number } {
  const lines: StreamLine[] = [];
  let marks = 0;
  for (const record of records) {
    for (const { value } of decodeFrame(bytesOf(record))) {
      if ((value as { redelivery?: boolean }).redelivery === true) {
        marks++;
        continue;
      }
      // The shard's own counts, once a minute.
      if ((value as { counters?: unknown }).counters !== undefined) continue;
      const envelope = RequestEnvelope.parse(value);
      const batch = envelope.shape === "batch" ? (envelope.body.batch as Record<string, unknown>[]) : [envelope.body];
      const context = envelope.shape === "batch" ? envelope.body.context : undefined;
      lines.push({
        envelope,
        events: batch.map((event) =>
          context === undefined ? event : { ...event, context: mergeBatchContext(event.context, context) },
        ),
      });
    }
  }
  return { lines, marks };
}

/** Every event of the project on the stream, by messageId. An event that is there twice fails the test. */
export async function arrivedEvents(project: string): Promise<Map<string, Record<string, unknown>>> {
  const { arrived } = await streamState(project);
  const events = new Map<string, Record<string, unknown>>();
  for (const { events: lineEvents } of readRecords(arrived).lines) {
    for (const event of lineEvents) {
      expect(events.has(String(event.messageId)), `${String(event.messageId)} is on the stream twice`).toBe(false);
      events.set(String(event.messageId), event);
    }
  }
  return events;
}

/** Waits until all given messages have arrived. */
export async function untilArrived(project: string, messageIds: Iterable<string>): Promise<Map<string, unknown>> {
  return vi.waitFor(
    async () => {
      const events = await arrivedEvents(project);
      for (const id of messageIds) expect(events.has(id), `${id} is not on the stream`).toBe(true);
      return events;
    },
    { timeout: 15_000, interval: 50 },
  );
}
