// Runs one reconciliation (I9): adds the counts of the processor and the cold tier since the last run, reads the counts of the
// edge, the hot and the warm tier for the open minutes, and reports the minutes that do not add up.

import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { TABLES } from "@behaviour/contract";
import type { Sql } from "../database/client.ts";
import type { EdgeCounters, EdgeMinute } from "../process/edge-counters.ts";
import { timePrefix } from "../process/redelivery-ledger.ts";
import { readCounts } from "../tiers/cold/counts.ts";
import { ColdLedger } from "../tiers/cold/object-ledger.ts";
import { addsUp, type Differences, differencesOf, HOT_COUNTED_MS, hasSettled } from "./balance.ts";
import { type FlowCheckpoint, planIngestion } from "./ingest.ts";
import { filedItems, hotCounts, ledgerShards } from "./sources.ts";
import {
  addCold,
  addEdgeMinutes,
  addProcessed,
  forget,
  type OpenMinute,
  openMinutes,
  readCheckpoints,
  warmCounts,
  writeChecked,
} from "./store.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** The retention of the processor's ledger. */
const OPEN_MS = 7 * 24 * HOUR_MS;
const KEPT_MS = 35 * 24 * HOUR_MS;
/** Minutes of this age are checked again although they add up, because a duplicate effect can be late. */
const RECENT_MS = 15 * MINUTE_MS;
/** The edge's lines of a minute arrive within minutes. After an outage they are read once an hour. */
const EDGE_RECENT_MS = 30 * MINUTE_MS;
const EDGE_LATE_MS = 26 * HOUR_MS;
const MINUTES_MAX = 5_000;
/** Arrival times are approximate and may decrease a little. */
const TOLERANCE_MS = 60_000;
/** Enough for a page of one shard or of one project. */
const STEP_MS = 12_000;

export interface ReconcileParts {
  sql: Sql;
  dynamodb: DynamoDBClient;
  edgeCounters: Pick<EdgeCounters, "read">;
  nowMs: () => number;
}

export interface ReconcileCounts {
  /** Checked minutes. */
  checked: number;
  /** Raw records that were never completed. */
  recordsGivenUp: number;
  /** Raw shards and projects for which no time was left. */
  postponed: number;
  I1AcceptedMissing: number;
  I2OldestMissingSeconds: number;
  I3TierSurplus: number;
  I5ProjectsDelayed: number;
  I9ImbalancedMinutes: number;
}

export interface ReconcileOutcome {
  counts: ReconcileCounts;
  /** Settled minutes that do not add up, oldest first, for the log. */
  imbalanced: { project: string; minute: string; differences: Differences }[];
}

/** @throws an infrastructure fault. The counts that were added remain, and the next run continues from there. */
export async function reconcile(parts: ReconcileParts, remainingMs: () => number): Promise<ReconcileOutcome> {
  const hasTime = () => remainingMs() > STEP_MS;
  const processed = await takeProcessed(parts, hasTime);
  const cold = await takeCold(parts, hasTime);
  const edge = await takeEdge(parts, hasTime);
  const { checked, postponed } = await check(parts, hasTime);
  await forget(parts.sql, parts.nowMs() - KEPT_MS);
  const outcome = judge(checked, parts.nowMs());
  const late = processed.postponed + cold + edge + postponed;
  return { ...outcome, counts: { ...outcome.counts, recordsGivenUp: processed.givenUp, postponed: late } };
}

async function takeProcessed({ sql, dynamodb, nowMs }: ReconcileParts, hasTime: () => boolean) {
  const checkpoints = await readCheckpoints(sql, "process");
  let givenUp = 0;
  let postponed = 0;
  for (const rawShard of await ledgerShards(dynamodb)) {
    if (!hasTime()) {
      postponed++;
      continue;
    }
    const before = checkpoints.get(rawShard);
    const from = before === undefined ? null : checkpointOf(before);
    const filed = await filedItems(dynamodb, rawShard, from === null ? "0" : readFrom(from));
    const ingestion = planIngestion(filed, from, nowMs());
    if (ingestion.checkpoint === null || ingestion.checkpoint === from) continue;
    const advance = { hop: "process" as const, rawShard, before, after: textOf(ingestion.checkpoint) };
    if (await addProcessed(sql, advance, ingestion.counts, nowMs())) givenUp += ingestion.givenUp;
  }
  return { givenUp, postponed };
}

/** `<sequence number> <sort key of its item>` */
function checkpointOf(text: string): FlowCheckpoint {
  const space = text.indexOf(" ");
  return { sequence: BigInt(text.slice(0, space)), sk: text.slice(space + 1) };
}

function textOf({ sequence, sk }: FlowCheckpoint): string {
  return `${sequence} ${sk}`;
}

function readFrom({ sk }: FlowCheckpoint): string {
  return timePrefix(Number(sk.slice(0, sk.indexOf("#"))) - TOLERANCE_MS);
}

async function takeCold({ sql, dynamodb, nowMs }: ReconcileParts, hasTime: () => boolean): Promise<number> {
  const checkpoints = await readCheckpoints(sql, "cold");
  let postponed = 0;
  for (const plan of await new ColdLedger(dynamodb, TABLES.ledger).plans()) {
    for (let before = checkpoints.get(plan.rawShard); ; ) {
      if (!hasTime()) {
        postponed++;
        break;
      }
      const page = await readCounts(dynamodb, TABLES.ledger, plan, before ?? "");
      const last = page.at(-1);
      if (last === undefined) break;
      const advance = { hop: "cold" as const, rawShard: plan.rawShard, before, after: last.first };
      const counts = page.flatMap((entry) => entry.counts);
      if (!(await addCold(sql, advance, counts, nowMs()))) break;
      before = last.first;
    }
  }
  return postponed;
}

/** Adds rows for minutes that only the edge has reported. Their counts are read with the others. */
async function takeEdge({ sql, edgeCounters, nowMs }: ReconcileParts, hasTime: () => boolean): Promise<number> {
  const atMs = nowMs();
  const lookBackMs = Math.floor(atMs / MINUTE_MS) % 60 === 0 ? EDGE_LATE_MS : EDGE_RECENT_MS;
  const projects = await sql<{ id: string }[]>`select id from project order by id`;
  let postponed = 0;
  for (const { id } of projects) {
    if (!hasTime()) {
      postponed++;
      continue;
    }
    const minutes = await edgeCounters.read(id, atMs - lookBackMs, atMs);
    const known = minutes.filter(
      ({ accepted, suppressed, rejected, duplicates }) => accepted + suppressed + rejected + duplicates > 0,
    );
    if (known.length > 0)
      await addEdgeMinutes(
        sql,
        id,
        known.map(({ minuteMs }) => minuteMs),
        atMs,
      );
  }
  return postponed;
}

interface Checked extends OpenMinute {
  differences: Differences;
  balanced: boolean;
}

async function check(
  parts: ReconcileParts,
  hasTime: () => boolean,
): Promise<{ checked: Checked[]; postponed: number }> {
  const { sql, dynamodb, edgeCounters, nowMs } = parts;
  const atMs = nowMs();
  const open = await openMinutes(sql, atMs - OPEN_MS, atMs - RECENT_MS, MINUTES_MAX);
  const checked: Checked[] = [];
  let postponed = 0;
  for (const [project, minutes] of Map.groupBy(open, (minute) => minute.project)) {
    if (!hasTime()) {
      postponed++;
      continue;
    }
    for (const run of runsOf(minutes)) {
      const [fromMs, toMs] = [run[0]?.minuteMs ?? 0, run.at(-1)?.minuteMs ?? 0];
      const hot = await hotCounts(dynamodb, project, fromMs, toMs);
      const warm = new Map((await warmCounts(sql, fromMs, toMs, [project])).map((count) => [count.minuteMs, count]));
      const edge = new Map(
        (await edgeCounters.read(project, fromMs, toMs + MINUTE_MS)).map((one) => [one.minuteMs, one]),
      );
      const held = run.map((minute): Checked => {
        const counts = { ...minute, ...heldIn(minute, hot, warm, edge) };
        const differences = differencesOf(counts, minute.minuteMs > atMs - HOT_COUNTED_MS);
        return { ...counts, differences, balanced: addsUp(differences) };
      });
      await writeChecked(sql, held, atMs);
      checked.push(...held);
    }
  }
  return { checked, postponed };
}

/** Neighbouring minutes are read together. A few minutes that are far apart do not become a scan of days. */
function runsOf(minutes: readonly OpenMinute[]): OpenMinute[][] {
  const runs: OpenMinute[][] = [];
  for (const minute of minutes) {
    const run = runs.at(-1);
    const last = run?.at(-1);
    if (run !== undefined && last !== undefined && minute.minuteMs - last.minuteMs <= HOUR_MS) run.push(minute);
    else runs.push([minute]);
  }
  return runs;
}

function heldIn(
  minute: OpenMinute,
  hot: Awaited<ReturnType<typeof hotCounts>>,
  warm: ReadonlyMap<number, Awaited<ReturnType<typeof warmCounts>>[number]>,
  edge: ReadonlyMap<number, EdgeMinute>,
) {
  const { minuteMs } = minute;
  const ofEdge = edge.get(minuteMs);
  const ofHot = hot.get(minuteMs);
  const ofWarm = warm.get(minuteMs);
  return {
    // The edge's counts are kept after its lines have expired.
    edgeAccepted: ofEdge?.accepted ?? minute.edgeAccepted,
    edgeRejected: ofEdge?.rejected ?? minute.edgeRejected,
    edgeSuppressed: ofEdge?.suppressed ?? minute.edgeSuppressed,
    edgeDuplicates: ofEdge?.duplicates ?? minute.edgeDuplicates,
    hotLoaded: ofHot?.loaded ?? 0,
    hotCopies: ofHot?.copies ?? 0,
    warmLoaded: ofWarm?.loaded ?? 0,
    warmCopies: ofWarm?.copies ?? 0,
    warmFailed: ofWarm?.failed ?? 0,
  };
}

function judge(checked: readonly Checked[], nowMs: number): ReconcileOutcome {
  const missing = checked.filter(({ differences }) => TIERS.some((tier) => differences[tier] > 0));
  const settled = checked.filter(({ minuteMs, changedAt }) => hasSettled(minuteMs, changedAt.getTime(), nowMs));
  const imbalanced = settled.filter(({ balanced }) => !balanced);
  const sum = (of: (differences: Differences) => number) =>
    settled.reduce((total, { differences }) => total + of(differences), 0);
  const oldestMs = Math.min(nowMs, ...missing.map(({ minuteMs }) => minuteMs + MINUTE_MS));
  return {
    counts: {
      checked: checked.length,
      recordsGivenUp: 0,
      postponed: 0,
      I1AcceptedMissing: sum(({ edge }) => edge),
      I2OldestMissingSeconds: Math.round((nowMs - oldestMs) / 1_000),
      I3TierSurplus: sum((differences) => TIERS.reduce((total, tier) => total + Math.max(0, -differences[tier]), 0)),
      I5ProjectsDelayed: delayedAlone(checked, settled),
      I9ImbalancedMinutes: imbalanced.length,
    },
    imbalanced: imbalanced.map(({ project, minuteMs, differences }) => {
      return { project, minute: new Date(minuteMs).toISOString(), differences };
    }),
  };
}

const TIERS = ["hot", "warm", "cold"] as const;

/** Counts projects with missing settled events in a tier that has loaded another project's last minutes completely. */
function delayedAlone(checked: readonly Checked[], settled: readonly Checked[]): number {
  const delayed = new Set<string>();
  for (const tier of TIERS) {
    const behind = new Set(settled.filter(({ differences }) => differences[tier] > 0).map(({ project }) => project));
    const isAhead = checked.some(({ project, differences, processed }) => {
      return !behind.has(project) && processed > 0 && differences[tier] === 0;
    });
    if (isAhead) for (const project of behind) delayed.add(project);
  }
  return delayed.size;
}
