// The loading half of volume.ts: loads events of sixty days through the tiers' own loaders.

import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { Sql } from "../../backend/src/database/client.ts";
import { HotTier } from "../../backend/src/tiers/hot/tier.ts";
import { WarmTier } from "../../backend/src/tiers/warm/tier.ts";
import { Shop } from "../../backend/test/tiers/shop.ts";

export const DAY_MS = 86_400_000;
export const SPAN_DAYS = 60;
/** Transactions that are prepared in parallel. */
export const LANES = 2;
/** The policy compresses after a week. */
export const UNCOMPRESSED_DAYS = 7;
export const REALTIME_MINUTES = 30;
const BATCH = 5_000;
const BAR_WIDTH = 30;

export interface LoadedProject {
  project: string;
  events: number;
}

interface Lane {
  tier: WarmTier;
  rawShard: string;
  /**
   * The clock of its loader, set as if its events arrived live. Events that are loaded long after their time would be looked up
   * first.
   */
  nowMs: number;
  loading: Promise<void>;
}

/**
 * One project's events, created in the order of time and loaded through two raw shards. The events of one shard are prepared
 * while the database loads the events of the other.
 */
class Source {
  readonly project: string;
  readonly #shop: Shop;
  readonly #lanes: Lane[];
  #batches = 0;

  constructor(sql: Sql, { project, events }: LoadedProject, fromMs: number) {
    this.project = project;
    const perSecond = perSecondOf(events);
    const people = Math.max(1, Math.round(events / 20));
    this.#shop = new Shop({ project, rawShard: `load-${project}`, fromMs, perSecond, people });
    this.#lanes = Array.from({ length: LANES }, (_, index) => {
      const nowMs = () => lane.nowMs;
      const tier = new WarmTier({ sql, storeFailed: async () => undefined, nowMs });
      const lane: Lane = { tier, rawShard: `load-${project}-${index}`, nowMs: fromMs, loading: Promise.resolve() };
      return lane;
    });
  }

  async load(events: number): Promise<void> {
    for (let done = 0; done < events; done += BATCH) {
      const lane = this.#lanes[this.#batches++ % LANES];
      if (lane === undefined) throw new Error("no lane");
      const batch = this.#shop.next(Math.min(BATCH, events - done));
      for (const event of batch) event.rawShard = lane.rawShard;
      await lane.loading;
      lane.nowMs = batch[0]?.receivedAtMs ?? lane.nowMs;
      lane.loading = lane.tier.load(batch).then(({ loaded }) => {
        if (loaded !== batch.length) throw new Error(`${batch.length - loaded} events were taken for duplicates`);
      });
      // Awaited when the lane has its next turn.
      lane.loading.catch(() => undefined);
    }
    await Promise.all(this.#lanes.map(({ loading }) => loading));
  }
}

function progress(done: number, all: number, startedMs: number): void {
  const share = done / all;
  const perSecond = Math.round(done / ((performance.now() - startedMs) / 1_000));
  const bar = "#".repeat(Math.round(share * BAR_WIDTH)).padEnd(BAR_WIDTH, ".");
  const text = `[${bar}] ${(share * 100).toFixed(0)} %  ${done.toLocaleString("en")} events, ${perSecond.toLocaleString("en")} events/s`;
  // Overwritten in place on a terminal, one line each elsewhere.
  process.stdout.write(process.stdout.isTTY ? `\r${text}   ` : `${text}\n`);
}

/** Day by day, both projects. A day is compressed after the next day is loaded, as it would be a week later. */
export async function loadWarm(
  sql: Sql,
  projects: readonly LoadedProject[],
  toMs: number,
): Promise<{ uncompressedBytes: number }> {
  const fromMs = toMs - SPAN_DAYS * DAY_MS;
  const sources = projects.map(({ project, events }) => ({
    source: new Source(sql, { project, events }, fromMs),
    events,
  }));
  const all = projects.reduce((sum, { events }) => sum + events, 0);
  const startedMs = performance.now();
  let done = 0;
  let uncompressedBytes = 0;
  for (let day = 0; day < SPAN_DAYS; day++) {
    for (const { source, events } of sources) {
      const ofDay = shareOf(events, day + 1) - shareOf(events, day);
      await source.load(ofDay);
      done += ofDay;
    }
    progress(done, all, startedMs);
    if (day === 1) uncompressedBytes = await bytesPerEvent(sql, fromMs, fromMs + DAY_MS);
    if (day >= 1 && day < SPAN_DAYS - UNCOMPRESSED_DAYS) await compressDay(sql, fromMs + (day - 1) * DAY_MS);
  }
  console.log(`\nloaded and compressed in ${((performance.now() - startedMs) / 1_000).toFixed(0)} s`);
  return { uncompressedBytes };
}

function shareOf(events: number, days: number): number {
  return Math.round((events * days) / SPAN_DAYS);
}

async function compressDay(sql: Sql, dayMs: number): Promise<void> {
  await sql`
    select compress_chunk(format('%I.%I', chunk_schema, chunk_name)::regclass)
    from timescaledb_information.chunks
    where hypertable_name = 'event' and not is_compressed
      and range_start >= ${new Date(dayMs)} and range_end <= ${new Date(dayMs + DAY_MS)}`;
}

/** The content of the hot tier after half an hour, at each project's rate. */
export async function loadHot(dynamodb: DynamoDBClient, projects: readonly LoadedProject[]): Promise<void> {
  const tier = new HotTier({ dynamodb });
  for (const { project, events } of projects) {
    const perSecond = perSecondOf(events) / LANES;
    const people = Math.max(1, Math.round(events / 20));
    for (let lane = 0; lane < LANES; lane++) {
      const shop = new Shop({ project, rawShard: `hot-${project}-${lane}`, perSecond, people });
      await tier.load(shop.recent(Math.ceil(perSecond * REALTIME_MINUTES * 60)));
    }
  }
}

function perSecondOf(events: number): number {
  return events / ((SPAN_DAYS * DAY_MS) / 1_000);
}

/** Bytes per event, indexes included, for the days of a range. */
export async function bytesPerEvent(sql: Sql, sinceMs: number, untilMs: number): Promise<number> {
  const [since, until] = [new Date(sinceMs), new Date(untilMs)];
  const [size] = await sql<{ bytes: number }[]>`
    select sum(total_bytes)::float8 as bytes
    from chunks_detailed_size('event') s
    join timescaledb_information.chunks c on c.chunk_schema = s.chunk_schema and c.chunk_name = s.chunk_name
    where c.range_start >= ${since} and c.range_end <= ${until}`;
  const [rows] = await sql<{ rows: number }[]>`
    select count(*)::float8 as rows from event where time >= ${since} and time < ${until}`;
  return (size?.bytes ?? 0) / (rows?.rows ?? 1);
}
