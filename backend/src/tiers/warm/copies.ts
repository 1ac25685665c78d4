// Finds a chunk's events that are duplicates of a message that the warm tier holds under another time, and therefore under
// another unique key. It runs inside the load's transaction.
//
// Suspects are looked up among the events. A load of suspects holds the project's lock exclusively, and other loads share it, so
// that two copies cannot be looked up at the same time. A message that is not a suspect may also be overtaken by its duplicate. A
// small table of the suspects of the last minutes finds it.

import type { EnrichedEvent } from "@behaviour/contract";
import type { TransactionSql } from "postgres";
import { maySuspect } from "../suspect.ts";

const DAY_MS = 86_400_000;
/** First key of the advisory locks that guard a project's loads; the second is a hash of the project. */
const LOAD_LOCK = 771_204;
/** An event that is overtaken by more than the suspects' age is a suspect itself. The rest is room for clock errors. */
const OVERTAKEN_MINUTES = 10;

interface DayRange {
  fromMs: number;
  toMs: number;
}

/**
 * The ranges in which the first copy's time can be. The times of two copies differ by the correction of the client's clock, which
 * is applied to a first try and not to a retry. So the first copy's time is near this copy's time, near the client's timestamp as
 * sent, or within the dedupe window before the receipt. Ranges are merged. Chunks outside them are never read. Pure.
 */
export function rangesOfCopies(suspects: readonly EnrichedEvent[]): DayRange[] {
  const days = new Set<number>();
  const addDays = (fromMs: number, toMs: number) => {
    for (let day = Math.floor(fromMs / DAY_MS); day <= Math.floor(toMs / DAY_MS); day++) days.add(day);
  };
  for (const { timeMs, originalTimeMs, receivedAtMs } of suspects) {
    addDays(timeMs - DAY_MS, timeMs + DAY_MS);
    addDays(receivedAtMs - DAY_MS, receivedAtMs + DAY_MS);
    if (originalTimeMs !== null) addDays(originalTimeMs - DAY_MS, originalTimeMs + DAY_MS);
  }
  const ranges: DayRange[] = [];
  for (const day of [...days].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && last.toMs === day * DAY_MS) last.toMs += DAY_MS;
    else ranges.push({ fromMs: day * DAY_MS, toMs: (day + 1) * DAY_MS });
  }
  return ranges;
}

/** @returns the chunk's events that are not duplicates. The suspects among them are remembered. */
export async function withoutCopies(
  tx: TransactionSql,
  events: readonly EnrichedEvent[],
  nowMs: number,
): Promise<EnrichedEvent[]> {
  const suspects = new Set(events.filter((event) => maySuspect(event, nowMs) || hasTimeOfReceipt(event)));
  // Statements run in this order, so that the look-up runs with the locks held.
  const [, known, overtaken] = await Promise.all([
    lockProjects(tx, events, suspects),
    knownMessages(tx, [...suspects]),
    overtakenMessages(tx, events),
  ]);
  const own: EnrichedEvent[] = [];
  for (const event of events) {
    const name = nameOf(event.project, event.messageId);
    if (known.has(name) || overtaken.has(name)) continue;
    // The first of two copies in one chunk is the message.
    known.add(name);
    own.push(event);
  }
  await rememberSuspects(
    tx,
    own.filter((event) => suspects.has(event)),
  );
  return own;
}

/**
 * The event's time depends on its time of receipt, entirely or by the clock correction. A copy has another time, however young
 * both are, so the unique key does not find it.
 */
function hasTimeOfReceipt({ timeMs, originalTimeMs }: EnrichedEvent): boolean {
  return timeMs !== originalTimeMs;
}

function nameOf(project: string, messageId: string): string {
  return `${project} ${messageId}`;
}

async function lockProjects(
  tx: TransactionSql,
  events: readonly EnrichedEvent[],
  suspects: ReadonlySet<EnrichedEvent>,
): Promise<void> {
  const alone = new Set<string>();
  for (const { project } of suspects) alone.add(project);
  // Every load takes the locks in the same order, so that there is no deadlock. Statements that are sent together run one by one.
  await Promise.all(
    [...new Set(events.map((event) => event.project))]
      .sort()
      .map((project) =>
        alone.has(project)
          ? tx`select pg_advisory_xact_lock(${LOAD_LOCK}::int, hashtext(${project}))`
          : tx`select pg_advisory_xact_lock_shared(${LOAD_LOCK}::int, hashtext(${project}))`,
      ),
  );
}

async function knownMessages(tx: TransactionSql, suspects: readonly EnrichedEvent[]): Promise<Set<string>> {
  const known = new Set<string>();
  if (suspects.length === 0) return known;
  const projects = suspects.map((event) => event.project);
  const messageIds = suspects.map((event) => event.messageId);
  const found = await Promise.all(
    rangesOfCopies(suspects).map(
      ({ fromMs, toMs }) => tx<{ project: string; message_id: string }[]>`
        select e.project, e.message_id
        from unnest(${projects}::text[], ${messageIds}::text[]) as wanted (project, message_id)
        join event e on e.project = wanted.project and e.message_id = wanted.message_id
        where e.time >= to_timestamp(${fromMs / 1_000}) and e.time < to_timestamp(${toMs / 1_000})`,
    ),
  );
  for (const rows of found) for (const row of rows) known.add(nameOf(row.project, row.message_id));
  return known;
}

async function overtakenMessages(tx: TransactionSql, events: readonly EnrichedEvent[]): Promise<Set<string>> {
  const projects = [...new Set(events.map((event) => event.project))];
  const recent = await tx<{ project: string }[]>`
    select project from unnest(${projects}::text[]) as of_batch (project)
    where exists (
      select from recent_suspect s
      where s.project = of_batch.project and s.loaded_at > now() - make_interval(mins => ${OVERTAKEN_MINUTES})
    )`;
  if (recent.length === 0) return new Set();
  const rows = await tx<{ project: string; message_id: string }[]>`
    select s.project, s.message_id
    from unnest(${events.map((event) => event.project)}::text[], ${events.map((event) => event.messageId)}::text[])
      as wanted (project, message_id)
    join recent_suspect s on s.project = wanted.project and s.message_id = wanted.message_id`;
  return new Set(rows.map((row) => nameOf(row.project, row.message_id)));
}

async function rememberSuspects(tx: TransactionSql, suspects: readonly EnrichedEvent[]): Promise<void> {
  if (suspects.length === 0) return;
  await tx`delete from recent_suspect where loaded_at < now() - make_interval(mins => ${OVERTAKEN_MINUTES})`;
  await tx`
    insert into recent_suspect (project, message_id)
    select * from unnest(${suspects.map((event) => event.project)}::text[], ${suspects.map((event) => event.messageId)}::text[])
    on conflict do nothing`;
}
