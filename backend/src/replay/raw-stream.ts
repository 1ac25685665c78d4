// Puts originals of failed events back on the raw stream, one record each: the original's line, then the mark that names the
// failed event. Kinesis accepts or refuses each record of a call by itself. Refused records are retried a few times.

import { createHash } from "node:crypto";
import { type KinesisClient, PutRecordsCommand, type PutRecordsRequestEntry } from "@aws-sdk/client-kinesis";
import { ENVELOPE_VERSION, encodeMember, LIMITS, type ReplayMark, STREAMS } from "@behaviour/contract";
import { callDeadline } from "../aws.ts";
import type { FailureName } from "./claims.ts";

export interface Original extends FailureName {
  /** The line as it was on the raw stream. */
  line: string;
}

const FIRST_PAUSE_MS = 50;
const TRIES = 8;

export class RawStream {
  readonly #kinesis: KinesisClient;

  constructor(kinesis: KinesisClient) {
    this.#kinesis = kinesis;
  }

  /** All originals are on the stream when it returns. @throws if one is not. Others may be, and may be put again. */
  async put(originals: readonly Original[]): Promise<void> {
    for (const entries of calls(originals.map(toEntry))) await this.#putAll(entries);
  }

  async #putAll(entries: readonly PutRecordsRequestEntry[]): Promise<void> {
    let waiting = [...entries];
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const command = new PutRecordsCommand({ StreamName: STREAMS.raw, Records: waiting });
      const { Records } = await this.#kinesis.send(command, { abortSignal: callDeadline() });
      if (Records?.length !== waiting.length) throw new Error("kinesis: PutRecords answered in an unknown form");
      waiting = waiting.filter((_entry, index) => Records[index]?.SequenceNumber === undefined);
      if (waiting.length === 0) return;
      await new Promise((resolve) => setTimeout(resolve, FIRST_PAUSE_MS * 2 ** attempt * (0.5 + Math.random())));
    }
    throw new Error(`kinesis: ${waiting.length} records were not taken in ${TRIES} tries`);
  }
}

function toEntry({ project, id, line }: Original): PutRecordsRequestEntry {
  const mark: ReplayMark = { v: ENVELOPE_VERSION, replay: { project, id } };
  return {
    // Spreads originals over the shards, and is the same at every replay.
    PartitionKey: createHash("sha256").update(`${project} ${id}`).digest("hex"),
    Data: encodeMember([line, JSON.stringify(mark)]),
  };
}

/** Groups entries into as few calls as the limits of PutRecords allow. */
function* calls(entries: readonly PutRecordsRequestEntry[]): Generator<PutRecordsRequestEntry[]> {
  let call: PutRecordsRequestEntry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    const size = entry.Data?.byteLength ?? 0;
    if (call.length > 0 && (call.length === LIMITS.putRecordsRecords || bytes + size > LIMITS.putRecordsBytes)) {
      yield call;
      call = [];
      bytes = 0;
    }
    call.push(entry);
    bytes += size;
  }
  if (call.length > 0) yield call;
}
