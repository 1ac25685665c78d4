// Reads the failure destination's bucket: batches as Lambda's S3 failure destination writes them, and as the event-source mapping
// on one machine writes them. Redriven batches are under `redriven/`, and are not read again.

import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import { BUCKETS } from "@behaviour/contract";
import * as z from "zod/mini";
import { callDeadline } from "../aws.ts";
import type { StreamRecord } from "../stream/event.ts";

export const CONSUMERS = ["process", "hot", "warm", "cold"] as const;
export type Consumer = (typeof CONSUMERS)[number];

const REDRIVEN_PREFIX = "redriven/";

export interface UndeliveredBatch {
  key: string;
  consumer: Consumer;
  shardId: string;
  /** `RetryAttemptsExhausted` or `RecordAgeExceeded`. */
  condition: string;
  /** ISO 8601. */
  givenUpAt: string;
  records: StreamRecord[];
  /** The object's text in the bucket. */
  text: string;
}

/** An object that is not a valid batch, and the reason. */
export interface UnreadableBatch {
  key: string;
  problem: string;
}

const Payload = z.object({
  Records: z
    .array(
      z.object({
        eventID: z.string().check(z.includes(":")),
        eventSourceARN: z.string().check(z.regex(/^arn:[^:]*:kinesis:/)),
        kinesis: z.object({
          partitionKey: z.string(),
          sequenceNumber: z.string().check(z.regex(/^\d+$/)),
          data: z.string(),
          approximateArrivalTimestamp: z.number(),
        }),
      }),
    )
    .check(z.minLength(1)),
});

const Batch = z.object({
  requestContext: z.object({ functionArn: z.string(), condition: z.string() }),
  timestamp: z.string(),
  KinesisBatchInfo: z.object({ shardId: z.string() }),
  /** The event as Lambda passed it to the function, as an object or as text. */
  payload: z.union([z.string(), z.looseObject({})]),
});

/** The function's name at the end of an ARN (`arn:aws:lambda:…:function:behaviour-warm:live`), or alone. */
const FUNCTION = /(?:^|[:_-])(process|hot|warm|cold)(?::[\w$-]+)?$/;

export class Undelivered {
  readonly #s3: S3Client;

  constructor(s3: S3Client) {
    this.#s3 = s3;
  }

  /** Keys of all batches, in the order of their names: by consumer and shard, and within a shard in the order of arrival. */
  async *keys(): AsyncGenerator<string> {
    for await (const folder of this.#folders()) {
      for await (const page of this.#pages({ Prefix: folder })) {
        for (const { Key } of page.Contents ?? []) if (Key?.endsWith("/") === false) yield Key;
      }
    }
  }

  /** @returns null if the object no longer exists. @throws an infrastructure fault. */
  async read(key: string): Promise<UndeliveredBatch | UnreadableBatch | null> {
    try {
      const get = new GetObjectCommand({ Bucket: BUCKETS.undelivered, Key: key });
      const { Body } = await this.#s3.send(get, { abortSignal: callDeadline() });
      return parseBatch(key, (await Body?.transformToString()) ?? "");
    } catch (fault) {
      if (fault instanceof Error && fault.name === "NoSuchKey") return null;
      throw fault;
    }
  }

  /** Copies first, then removes. In between, the batch may be redriven again, which changes nothing. */
  async markRedriven({ key, text }: UndeliveredBatch): Promise<void> {
    const put = new PutObjectCommand({
      Bucket: BUCKETS.undelivered,
      Key: `${REDRIVEN_PREFIX}${key}`,
      Body: text,
      ContentType: "application/json",
    });
    await this.#s3.send(put, { abortSignal: callDeadline() });
    const remove = new DeleteObjectCommand({ Bucket: BUCKETS.undelivered, Key: key });
    await this.#s3.send(remove, { abortSignal: callDeadline() });
  }

  /** All folders except `redriven/`, which may hold years of batches. */
  async *#folders(): AsyncGenerator<string> {
    for await (const page of this.#pages({ Delimiter: "/" })) {
      for (const { Prefix } of page.CommonPrefixes ?? []) {
        if (Prefix !== undefined && Prefix !== REDRIVEN_PREFIX) yield Prefix;
      }
    }
  }

  async *#pages(of: { Prefix?: string; Delimiter?: string }) {
    let token: string | undefined;
    do {
      const list: ListObjectsV2Command = new ListObjectsV2Command({
        Bucket: BUCKETS.undelivered,
        ...of,
        ...(token === undefined ? {} : { ContinuationToken: token }),
      });
      const page = await this.#s3.send(list, { abortSignal: callDeadline() });
      yield page;
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }
}

/** Pure. */
export function parseBatch(key: string, text: string): UndeliveredBatch | UnreadableBatch {
  const batch = Batch.safeParse(json(text));
  if (!batch.success) return { key, problem: "not a batch of an event-source mapping" };
  const { requestContext, timestamp, KinesisBatchInfo, payload } = batch.data;
  const consumer = FUNCTION.exec(requestContext.functionArn)?.[1] as Consumer | undefined;
  if (consumer === undefined) return { key, problem: "of a function that is not known" };
  const event = Payload.safeParse(typeof payload === "string" ? json(payload) : payload);
  if (!event.success) return { key, problem: "without its records" };
  return {
    key,
    consumer,
    shardId: KinesisBatchInfo.shardId,
    condition: requestContext.condition,
    givenUpAt: timestamp,
    records: event.data.Records,
    text,
  };
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
