// One invocation of a stream function: the event that Lambda would pass, a timeout, and the meaning of the answer.

import { randomUUID } from "node:crypto";
import type { LambdaContext, StreamAnswer, StreamEvent, StreamHandler } from "../../backend/src/stream/event.ts";
import type { Outcome } from "./decide.ts";
import type { ShardRecord } from "./shard-reader.ts";

export interface Invocation {
  handler: StreamHandler;
  functionName: string;
  stream: string;
  streamArn: string;
  shardId: string;
  timeoutMs: number;
}

/** The function did not return in time. Nothing outside can stop it, so its process has to end. */
export class FunctionTimeout extends Error {
  override readonly name = "FunctionTimeout";
}

/** @throws {FunctionTimeout} and no other error: an error that the function throws is an outcome. */
export async function invoke(invocation: Invocation, records: readonly ShardRecord[]): Promise<Outcome> {
  const { handler, functionName, timeoutMs } = invocation;
  const deadlineMs = Date.now() + timeoutMs;
  const context: LambdaContext = {
    functionName,
    awsRequestId: randomUUID(),
    getRemainingTimeInMillis: () => Math.max(0, deadlineMs - Date.now()),
  };
  let timer: NodeJS.Timeout | undefined;
  const timedOut = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new FunctionTimeout(`${functionName} ran for ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    const answer = await Promise.race([handler(toEvent(invocation, records), context), timedOut]);
    return readAnswer(answer, records);
  } catch (fault) {
    if (fault instanceof FunctionTimeout) throw fault;
    return { kind: isDataFault(fault) ? "dataFault" : "infrastructureFault", problem: describe(fault) };
  } finally {
    clearTimeout(timer);
  }
}

/** A function sets `dataFault: true` on an error to report that the batch itself is at fault. */
function isDataFault(fault: unknown): boolean {
  return typeof fault === "object" && fault !== null && "dataFault" in fault && fault.dataFault === true;
}

/** A short description for the log. */
function describe(fault: unknown): string {
  if (!(fault instanceof Error)) return typeof fault;
  const code = "code" in fault && typeof fault.code === "string" ? ` ${fault.code}` : "";
  const cause = fault.cause instanceof Error ? ` (${describe(fault.cause)})` : "";
  return `${fault.name}${code}: ${fault.message.slice(0, 200)}${cause}`;
}

function toEvent({ streamArn, shardId }: Invocation, records: readonly ShardRecord[]): StreamEvent {
  return {
    Records: records.map((record) => ({
      eventID: `${shardId}:${record.sequence}`,
      eventSourceARN: streamArn,
      kinesis: {
        partitionKey: record.partitionKey,
        sequenceNumber: record.sequence,
        data: Buffer.from(record.data.buffer, record.data.byteOffset, record.data.length).toString("base64"),
        approximateArrivalTimestamp: record.arrivalMs / 1_000,
      },
    })),
  };
}

/** No answer means success. If the answer names an item that is not in the batch, the whole batch fails, as on Lambda. */
function readAnswer(answer: StreamAnswer | null | undefined, records: readonly ShardRecord[]): Outcome {
  const failures = answer?.batchItemFailures ?? [];
  if (failures.length === 0) return { kind: "done" };
  let lowest = records.length;
  for (const failure of failures) {
    const index = records.findIndex((record) => record.sequence === failure.itemIdentifier);
    lowest = Math.min(lowest, Math.max(0, index));
  }
  return { kind: "failedAt", index: lowest };
}
