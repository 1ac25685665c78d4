// Stores failed events as Parquet files in S3, bucket `failed-events`, by project, code and day of receipt. Every stage writes
// the events that it cannot process. The query API, a replay, and people with their own tools read them.

import { GetObjectCommand, ListObjectsV2Command, NoSuchKey, PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import {
  BUCKETS,
  FAILURES,
  type FailedEvent,
  type FailureCode,
  type FailureKind,
  failureKind,
} from "@behaviour/contract";
import { callDeadline } from "../aws.ts";
import { decodeFailedEvents, encodeFailedEvents, type KeptFailure, type SealedFailure } from "./row.ts";
import type { OriginalSeal } from "./seal.ts";

const DAY_MS = 86_400_000;
const READS_AT_ONCE = 8;
const WRITES_AT_ONCE = 8;
/** Maximum number of ids that a survey keeps. The ids prevent it from counting an event twice. */
const COUNTED_MAX = 200_000;

export interface FailedEventQuery {
  project: string;
  code?: FailureCode | undefined;
  kind?: FailureKind | undefined;
  /** Epoch milliseconds, by the time of receipt; inclusive. */
  fromMs: number;
  /** Exclusive. */
  toMs: number;
  limit: number;
}

export interface Survey {
  /** Newest first, at most `limit`. */
  events: FailedEvent[];
  counts: Partial<Record<FailureCode, number>>;
  /** False if time or memory ran out before all events were counted. */
  complete: boolean;
}

export interface FailureObject {
  key: string;
  failures: SealedFailure[];
}

export class FailedEventStore {
  readonly #s3: S3Client;
  readonly #seal: OriginalSeal | null;

  /** @param seal without a seal, originals are not kept, and the stored events cannot be replayed */
  constructor(s3: S3Client, seal: OriginalSeal | null = null) {
    this.#s3 = s3;
    this.#seal = seal;
  }

  /**
   * Stores the failed events of one record, before that record counts as done.
   * @param origin names the record and the stage. A second run has the same origin and replaces the file by an equal file.
   * @throws an infrastructure fault.
   */
  async store(events: readonly KeptFailure[], origin: string): Promise<void> {
    for (const [folder, group] of Map.groupBy(events, folderOf)) {
      const command = new PutObjectCommand({
        Bucket: BUCKETS.failedEvents,
        Key: `${folder}${encodeURIComponent(origin)}.parquet`,
        Body: encodeFailedEvents(group, (event) => this.#sealed(event)),
        ContentType: "application/vnd.apache.parquet",
      });
      await this.#s3.send(command, { abortSignal: callDeadline() });
    }
  }

  #sealed({ original, project, id }: KeptFailure): Uint8Array | null {
    return original === undefined || this.#seal === null ? null : this.#seal.seal(original, { project, id });
  }

  /** Calls `store` for each origin, some in parallel. @throws an infrastructure fault. */
  async storeAll(byOrigin: ReadonlyMap<string, readonly KeptFailure[]>): Promise<void> {
    const origins = [...byOrigin];
    for (let start = 0; start < origins.length; start += WRITES_AT_ONCE) {
      const group = origins.slice(start, start + WRITES_AT_ONCE);
      await Promise.all(group.map(([origin, events]) => this.store(events, origin)));
    }
  }

  /** Newest first, at most `limit`. @throws an infrastructure fault. */
  async list(query: FailedEventQuery): Promise<FailedEvent[]> {
    return (await this.survey(query, () => false)).events;
  }

  /** The newest events, and counts by code. @param mayGoOn asked before each day and group of objects that is only counted */
  async survey(query: FailedEventQuery, mayGoOn: () => boolean): Promise<Survey> {
    const found = new Map<string, FailedEvent>();
    const counted = new Set<string>();
    const counts: Survey["counts"] = {};
    const codes = await this.#codesOf(query);
    const isWanted = () => found.size < query.limit || (counted.size < COUNTED_MAX && mayGoOn());
    const take = ({ event }: SealedFailure): void => {
      const timeMs = filedUnderMs(event);
      if (timeMs < query.fromMs || timeMs >= query.toMs || counted.has(event.id)) return;
      counted.add(event.id);
      counts[event.code] = (counts[event.code] ?? 0) + 1;
      if (isListed || found.size < query.limit) found.set(event.id, event);
    };
    // A day that was begun is listed completely, because its objects are not in the order of time.
    let isListed = true;
    const firstDay = Math.floor(query.fromMs / DAY_MS);
    let day = Math.floor((query.toMs - 1) / DAY_MS);
    for (; codes.length > 0 && day >= firstDay && isWanted(); day--) {
      isListed = found.size < query.limit;
      const folders = codes.map((code) => folderName(query.project, code, day * DAY_MS));
      const keys = (await Promise.all(folders.map((folder) => this.#keysIn(folder)))).flat();
      for (let start = 0; start < keys.length && (isListed || isWanted()); start += READS_AT_ONCE) {
        for (const failure of await this.#readAll(keys.slice(start, start + READS_AT_ONCE))) take(failure);
      }
    }
    const events = [...found.values()].sort((a, b) => filedUnderMs(b) - filedUnderMs(a)).slice(0, query.limit);
    return { events, counts, complete: codes.length === 0 || (day < firstDay && isWanted()) };
  }

  /**
   * Yields the objects in the order of their keys, so that a caller can stop and later continue after the last key.
   * @param afterKey the key to continue after; null for all objects. @throws an infrastructure fault.
   */
  async *objects(query: Omit<FailedEventQuery, "limit">, afterKey: string | null): AsyncGenerator<FailureObject> {
    const [firstDay, endDay] = [query.fromMs, query.toMs - 1].map((ms) => new Date(ms).toISOString().slice(0, 10));
    for (const code of (await this.#codesOf(query)).toSorted()) {
      const folder = codeFolder(query.project, code);
      const from = `${folder}day=${firstDay}`;
      // A folder whose keys are all before `afterKey` is finished.
      if (afterKey !== null && !afterKey.startsWith(folder) && afterKey > folder) continue;
      for await (const key of this.#keys(folder, afterKey !== null && afterKey > from ? afterKey : from)) {
        if (key > `${folder}day=${endDay}0`) break;
        yield { key, failures: await this.#readOne(key) };
      }
    }
  }

  /** The requested codes of which the project may have failed events. */
  async #codesOf({ project, code, kind }: Omit<FailedEventQuery, "limit">): Promise<FailureCode[]> {
    const fits = (one: FailureCode) =>
      (code === undefined || one === code) && (kind === undefined || failureKind(one) === kind);
    const asked = (Object.keys(FAILURES) as FailureCode[]).filter(fits);
    if (asked.length <= 1) return asked;
    const folder = projectFolder(project);
    const command = new ListObjectsV2Command({ Bucket: BUCKETS.failedEvents, Prefix: folder, Delimiter: "/" });
    const page = await this.#s3.send(command, { abortSignal: callDeadline() });
    const present = new Set((page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix));
    return asked.filter((one) => present.has(codeFolder(project, one)));
  }

  async #keysIn(prefix: string): Promise<string[]> {
    const keys: string[] = [];
    for await (const key of this.#keys(prefix, null)) keys.push(key);
    return keys;
  }

  async *#keys(prefix: string, afterKey: string | null): AsyncGenerator<string> {
    let token: string | undefined;
    do {
      const command = new ListObjectsV2Command({
        Bucket: BUCKETS.failedEvents,
        Prefix: prefix,
        ...(token === undefined ? (afterKey === null ? {} : { StartAfter: afterKey }) : { ContinuationToken: token }),
      });
      const page = await this.#s3.send(command, { abortSignal: callDeadline() });
      for (const { Key } of page.Contents ?? []) if (Key?.endsWith(".parquet") === true) yield Key;
      token = page.NextContinuationToken;
    } while (token !== undefined);
  }

  async #readAll(keys: readonly string[]): Promise<SealedFailure[]> {
    return (await Promise.all(keys.map((key) => this.#readOne(key)))).flat();
  }

  async #readOne(key: string): Promise<SealedFailure[]> {
    try {
      const command = new GetObjectCommand({ Bucket: BUCKETS.failedEvents, Key: key });
      const object = await this.#s3.send(command, { abortSignal: callDeadline() });
      return object.Body === undefined ? [] : await decodeFailedEvents(await object.Body.transformToByteArray());
    } catch (error) {
      // The object was erased between the listing and the reading.
      if (error instanceof NoSuchKey) return [];
      throw error;
    }
  }
}

/** The time by which a failed event is stored and queried. */
export function filedUnderMs(event: FailedEvent): number {
  return event.receivedAtMs ?? event.failedAtMs;
}

function folderOf(event: FailedEvent): string {
  return folderName(event.project, event.code, filedUnderMs(event));
}

function projectFolder(project: string): string {
  return `project=${encodeURIComponent(project)}/`;
}

function codeFolder(project: string, code: string): string {
  return `${projectFolder(project)}code=${code}/`;
}

function folderName(project: string, code: string, ms: number): string {
  return `${codeFolder(project, code)}day=${new Date(ms).toISOString().slice(0, 10)}/`;
}
