// Puts enriched events onto the enriched stream, packed into as few records as possible.
//
// Order matters. All events of a raw shard go to one shard of the enriched stream (the raw shard's id is the partition key),
// strictly in raw order, one PutRecord after the other. Consumers keep one checkpoint per raw shard and skip every event that is
// not beyond it. A repeated put therefore does no harm, but a put that overtook another would lose events.

import { InvalidArgumentException, type KinesisClient, PutRecordCommand } from "@aws-sdk/client-kinesis";
import { compressMember, concatBytes, LIMITS, STREAMS } from "@behaviour/contract";
import { callDeadline } from "../aws.ts";

/** Text of one gzip member, in UTF-8. It fits a record even if it cannot be compressed. */
const MEMBER_BYTES = 512 * 1024;
/** The text that a consumer decompresses at a time. */
const FRAME_UNPACKED_BYTES = 16 * 1024 * 1024;
/** The most UTF-8 bytes that one UTF-16 unit takes. */
const BYTES_PER_UNIT = 3;
const NEWLINE = 0x0a;

/** Whether an event's line fits a record. It may not: a batch's context of megabytes is merged into each of its events. */
export function fitsRecord(line: string): boolean {
  if ((line.length + 1) * BYTES_PER_UNIT <= MEMBER_BYTES) return true;
  return compressMember(Buffer.from(`${line}\n`)).byteLength <= LIMITS.frameBytes;
}

/** Frames of at most `LIMITS.frameBytes`, in order. @param lines JSON texts, each of which fits a record. */
export function packFrames(lines: readonly string[]): Uint8Array[] {
  const frames: Uint8Array[] = [];
  let members: Uint8Array[] = [];
  let frameBytes = 0;
  let unpackedBytes = 0;
  for (const text of memberTexts(lines)) {
    const member = compressMember(text);
    const isFull = frameBytes + member.byteLength > LIMITS.frameBytes || unpackedBytes > FRAME_UNPACKED_BYTES;
    if (members.length > 0 && isFull) {
      frames.push(concatBytes(members));
      members = [];
      frameBytes = 0;
      unpackedBytes = 0;
    }
    members.push(member);
    frameBytes += member.byteLength;
    unpackedBytes += text.byteLength;
  }
  if (members.length > 0) frames.push(concatBytes(members));
  return frames;
}

/**
 * Writes lines directly into one buffer, because joining them as text first costs as much as compressing them. A yielded
 * array is valid until the next step.
 */
function* memberTexts(lines: readonly string[]): Generator<Uint8Array> {
  const scratch = Buffer.allocUnsafe(MEMBER_BYTES);
  let length = 0;
  for (const line of lines) {
    const mostBytes = (line.length + 1) * BYTES_PER_UNIT;
    if (length > 0 && length + mostBytes > MEMBER_BYTES) {
      yield scratch.subarray(0, length);
      length = 0;
    }
    if (mostBytes > MEMBER_BYTES) {
      yield Buffer.from(`${line}\n`);
      continue;
    }
    length += scratch.write(line, length);
    scratch[length++] = NEWLINE;
  }
  if (length > 0) yield scratch.subarray(0, length);
}

export class EnrichedStream {
  readonly #kinesis: KinesisClient;
  /** By raw shard, the last sequence number that the stream returned. The next put must be ordered after it. */
  readonly #last = new Map<string, string>();

  constructor(kinesis: KinesisClient) {
    this.#kinesis = kinesis;
  }

  /** All frames are on the stream when this returns. @throws if a put fails; the frames before it are on the stream. */
  async put(rawShard: string, frames: readonly Uint8Array[]): Promise<void> {
    for (const frame of frames) {
      const answered = await this.#putAfter(rawShard, frame, this.#last.get(rawShard));
      this.#last.set(rawShard, answered);
    }
  }

  async #putAfter(rawShard: string, frame: Uint8Array, after: string | undefined): Promise<string> {
    const command = new PutRecordCommand({
      StreamName: STREAMS.enriched,
      PartitionKey: rawShard,
      Data: frame,
      ...(after === undefined ? {} : { SequenceNumberForOrdering: after }),
    });
    try {
      const answer = await this.#kinesis.send(command, { abortSignal: callDeadline() });
      if (answer.SequenceNumber === undefined) throw new Error("kinesis: PutRecord answered without a sequence number");
      return answer.SequenceNumber;
    } catch (error) {
      // The number belongs to an earlier stream that was deleted and recreated under the same name.
      if (after === undefined || !(error instanceof InvalidArgumentException)) throw error;
      return this.#putAfter(rawShard, frame, undefined);
    }
  }
}
