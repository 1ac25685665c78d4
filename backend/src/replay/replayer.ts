// Replays failed events of a project, chosen by code and time or by id. Each event goes back to where it failed, and counts once
// however often its replay is requested. A run reads object by object within a time limit, and returns a cursor to the rest.
//
//   already replayed?   skipped                                        claims.ts
//   arrived meanwhile?  skipped, and marked as arrived                 arrived.ts
//   failed on the way   its original goes onto the raw stream again    raw-stream.ts
//   refused by warm     goes to that tier alone                        warm-again.ts
//
// An original is put first and marked after. A crash in between puts it twice, and the processor processes it once.

import { type EnrichedEvent, type FailedEvent, type FailureCode, type FailureKind, LIMITS } from "@behaviour/contract";
import type { FailedEventStore, OriginalSeal } from "../failed/index.ts";
import type { SealedFailure } from "../failed/row.ts";
import { filedUnderMs } from "../failed/store.ts";
import type { AwaitedMessage } from "./arrived.ts";
import type { ReplayClaims } from "./claims.ts";
import type { Original, RawStream } from "./raw-stream.ts";

export interface ReplayRequest {
  project: string;
  code?: FailureCode | undefined;
  kind?: FailureKind | undefined;
  /** Only events with these ids. */
  ids?: readonly string[] | undefined;
  /** Epoch milliseconds, by the time of receipt; half open. */
  fromMs: number;
  toMs: number;
}

/** Where a replay continues. */
export interface ReplayCursor {
  /** Key of the last object that is done. */
  key: string;
  /** Events that failed later are left out: originals on the stream may fail again, and the replay would never end. */
  beforeMs: number;
}

export interface ReplayCounts {
  /** Events examined: the sum of the other counts. */
  examined: number;
  replayed: number;
  alreadyReplayed: number;
  /** The message had arrived another way. */
  arrived: number;
  /** The original was too large, or is sealed under a lost key, or the store still refuses the event. */
  notReplayable: number;
}

export interface ReplayProgress {
  counts: ReplayCounts;
  /** Null if the whole request is done. */
  next: ReplayCursor | null;
}

export interface ReplayParts {
  failedEvents: Pick<FailedEventStore, "objects">;
  seal: Pick<OriginalSeal, "open">;
  claims: Pick<ReplayClaims, "read" | "mark">;
  raw: Pick<RawStream, "put">;
  arrived: (project: string, messages: readonly AwaitedMessage[]) => Promise<ReadonlySet<string>>;
  loadWarm: (events: readonly EnrichedEvent[]) => Promise<ReadonlySet<string>>;
  nowMs: () => number;
}

/** Number of events that are judged, put and marked together. */
const GROUP_EVENTS = LIMITS.putRecordsRecords;

export class Replayer {
  readonly #parts: ReplayParts;

  constructor(parts: ReplayParts) {
    this.#parts = parts;
  }

  /**
   * @param cursor where an earlier run of the same request ended; null to begin
   * @param mayGoOn asked before each object and group; the first group is always done
   * @throws an infrastructure fault; a retry of the request is safe.
   */
  async run(request: ReplayRequest, cursor: ReplayCursor | null, mayGoOn: () => boolean): Promise<ReplayProgress> {
    const counts: ReplayCounts = { examined: 0, replayed: 0, alreadyReplayed: 0, arrived: 0, notReplayable: 0 };
    const beforeMs = cursor?.beforeMs ?? this.#parts.nowMs();
    const wanted = request.ids === undefined ? null : new Set(request.ids);
    let done = cursor?.key ?? "";
    let isFirst = true;
    for await (const { key, failures } of this.#parts.failedEvents.objects(request, cursor?.key ?? null)) {
      const chosen = failures.filter(({ event }) => isChosen(event, request, wanted, beforeMs));
      for (let start = 0; start < chosen.length; start += GROUP_EVENTS) {
        if (!isFirst && !mayGoOn()) return { counts, next: { key: done, beforeMs } };
        await this.#replayGroup(request.project, chosen.slice(start, start + GROUP_EVENTS), counts);
        isFirst = false;
      }
      done = key;
      if (wanted !== null && counts.examined >= wanted.size) break;
      // Objects without a chosen event take time, too.
      if (!mayGoOn()) return { counts, next: { key: done, beforeMs } };
    }
    return { counts, next: null };
  }

  async #replayGroup(project: string, failures: readonly SealedFailure[], counts: ReplayCounts): Promise<void> {
    const { claims, raw, arrived, loadWarm } = this.#parts;
    counts.examined += failures.length;
    const before = await claims.read(
      project,
      failures.map(({ event }) => event.id),
    );
    const fresh = failures.filter(({ event }) => !before.has(event.id));
    counts.alreadyReplayed += failures.length - fresh.length;
    const come = await arrived(project, fresh.flatMap(awaited));
    const [there, missing] = partition(fresh, ({ event }) => event.messageId !== null && come.has(event.messageId));
    await claims.mark(there.map(nameOf), "arrived");
    counts.arrived += there.length;

    const [refused, failed] = partition(missing, ({ event }) => event.stage === "warm");
    const originals = failed.flatMap((failure): Original[] => this.#originalOf(failure));
    await raw.put(originals);
    await claims.mark(originals, "replayed");
    const loadable = refused.flatMap(enrichedOf);
    const stillRefused =
      loadable.length === 0 ? new Set<string>() : await loadWarm(loadable.map(({ enriched }) => enriched));
    const loaded = loadable.filter(({ enriched }) => !stillRefused.has(enriched.messageId));
    await claims.mark(loaded.map(nameOf), "replayed");
    counts.replayed += originals.length + loaded.length;
    counts.notReplayable += missing.length - originals.length - loaded.length;
  }

  #originalOf({ event, sealed }: SealedFailure): Original[] {
    const { project, id } = event;
    const line = sealed === null ? null : this.#parts.seal.open(sealed, { project, id });
    return line === null ? [] : [{ project, id, line }];
  }
}

function isChosen(
  event: FailedEvent,
  { project, fromMs, toMs }: ReplayRequest,
  wanted: ReadonlySet<string> | null,
  beforeMs: number,
): boolean {
  const timeMs = filedUnderMs(event);
  const inRange = timeMs >= fromMs && timeMs < toMs && event.failedAtMs < beforeMs;
  return inRange && event.project === project && (wanted === null || wanted.has(event.id));
}

function awaited({ event }: SealedFailure): AwaitedMessage[] {
  return event.messageId === null ? [] : [{ messageId: event.messageId, receivedAtMs: filedUnderMs(event) }];
}

function nameOf({ event }: { event: FailedEvent }) {
  return { project: event.project, id: event.id };
}

/** An event that the warm tier refused is kept as on the enriched stream: with surrogates, without the client's ids. */
function enrichedOf({ event }: SealedFailure): { event: FailedEvent; enriched: EnrichedEvent }[] {
  if (event.payloadCut) return [];
  try {
    return [{ event, enriched: JSON.parse(event.payload) as EnrichedEvent }];
  } catch {
    return [];
  }
}

function partition<T>(items: readonly T[], holds: (item: T) => boolean): [T[], T[]] {
  const [yes, no]: [T[], T[]] = [[], []];
  for (const item of items) (holds(item) ? yes : no).push(item);
  return [yes, no];
}
