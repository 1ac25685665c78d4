// The failed-events store: what was accepted at the edge and cannot be stored, in the bucket `failed-events`, as Parquet
// under `project=<id>/code=<code>/day=<YYYY-MM-DD>/<origin>.parquet`. Written by the processor and by the tiers, read by the
// query API and by people with their own tools.

import { GetObjectCommand, ListObjectsV2Command, NoSuchKey, PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { BUCKETS, FAILURES, type FailedEvent, type FailureCode } from "@behaviour/contract";
import { callDeadline } from "../aws.ts";
import { decodeFailedEvents, encodeFailedEvents } from "./row.ts";

const DAY_MS = 86_400_000;
const READS_AT_ONCE = 8;
const WRITES_AT_ONCE = 8;

export interface FailedEventQuery {
  project: string;
  code?: FailureCode | undefined;
  /** Epoch milliseconds, by the time of receipt; inclusive. */
  fromMs: number;
  /** Exclusive. */
  toMs: number;
  limit: number;
}

export class FailedEventStore {
  readonly #s3: S3Client;

  constructor(s3: S3Client) {
    this.#s3 = s3;
  }

  /**
   * Stores what one record gave, before that record counts as done.
   * @param origin names the record and the stage, and a second run of it again: the file is then replaced by its like.
   * @throws an infrastructure fault.
   */
  async store(events: readonly FailedEvent[], origin: string): Promise<void> {
    for (const [folder, group] of Map.groupBy(events, folderOf)) {
      const command = new PutObjectCommand({
        Bucket: BUCKETS.failedEvents,
        Key: `${folder}${encodeURIComponent(origin)}.parquet`,
        Body: encodeFailedEvents(group),
        ContentType: "application/vnd.apache.parquet",
      });
      await this.#s3.send(command, { abortSignal: callDeadline() });
    }
  }

  /** `store` for each origin, some side by side. @throws an infrastructure fault. */
  async storeAll(byOrigin: ReadonlyMap<string, readonly FailedEvent[]>): Promise<void> {
    const origins = [...byOrigin];
    for (let start = 0; start < origins.length; start += WRITES_AT_ONCE) {
      const group = origins.slice(start, start + WRITES_AT_ONCE);
      await Promise.all(group.map(([origin, events]) => this.store(events, origin)));
    }
  }

  /** Newest first, at most `limit`. @throws an infrastructure fault. */
  async list(query: FailedEventQuery): Promise<FailedEvent[]> {
    const found = new Map<string, FailedEvent>();
    const codes = query.code === undefined ? (Object.keys(FAILURES) as FailureCode[]) : [query.code];
    const lastDay = Math.floor((query.toMs - 1) / DAY_MS);
    for (let day = lastDay; day >= Math.floor(query.fromMs / DAY_MS) && found.size < query.limit; day--) {
      const folders = codes.map((code) => folderName(query.project, code, day * DAY_MS));
      const keys = (await Promise.all(folders.map((folder) => this.#keysIn(folder)))).flat();
      for (const event of await this.#readAll(keys)) {
        const timeMs = filedUnderMs(event);
        if (timeMs >= query.fromMs && timeMs < query.toMs) found.set(event.id, event);
      }
    }
    return [...found.values()].sort((a, b) => filedUnderMs(b) - filedUnderMs(a)).slice(0, query.limit);
  }

  async #keysIn(prefix: string): Promise<string[]> {
    const keys: string[] = [];
    let token: string | undefined;
    do {
      const command = new ListObjectsV2Command({
        Bucket: BUCKETS.failedEvents,
        Prefix: prefix,
        ...(token === undefined ? {} : { ContinuationToken: token }),
      });
      const page = await this.#s3.send(command, { abortSignal: callDeadline() });
      for (const object of page.Contents ?? []) if (object.Key?.endsWith(".parquet")) keys.push(object.Key);
      token = page.NextContinuationToken;
    } while (token !== undefined);
    return keys;
  }

  async #readAll(keys: readonly string[]): Promise<FailedEvent[]> {
    const events: FailedEvent[] = [];
    for (let start = 0; start < keys.length; start += READS_AT_ONCE) {
      const group = await Promise.all(keys.slice(start, start + READS_AT_ONCE).map((key) => this.#readOne(key)));
      events.push(...group.flat());
    }
    return events;
  }

  async #readOne(key: string): Promise<FailedEvent[]> {
    try {
      const command = new GetObjectCommand({ Bucket: BUCKETS.failedEvents, Key: key });
      const object = await this.#s3.send(command, { abortSignal: callDeadline() });
      return object.Body === undefined ? [] : await decodeFailedEvents(await object.Body.transformToByteArray());
    } catch (error) {
      // Erased between the listing and the reading.
      if (error instanceof NoSuchKey) return [];
      throw error;
    }
  }
}

function filedUnderMs(event: FailedEvent): number {
  return event.receivedAtMs ?? event.failedAtMs;
}

function folderOf(event: FailedEvent): string {
  return folderName(event.project, event.code, filedUnderMs(event));
}

function folderName(project: string, code: string, ms: number): string {
  const day = new Date(ms).toISOString().slice(0, 10);
  return `project=${encodeURIComponent(project)}/code=${code}/day=${day}/`;
}
