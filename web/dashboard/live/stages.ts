/**
 * Where each shown event is. An event is asked about until it is in all tiers or its way has ended, more rarely as it
 * grows older, and never once it has left the screen.
 */
import { signal } from "@preact/signals";
import { type ApiAnswer, read } from "../api/client.ts";
import { PATH_STAGES, type Stage, type StageReport, TIERS } from "../api/types.ts";
import { events, openEvent } from "./events.ts";
import { Poller } from "./poller.ts";

export const stageReports = signal<ReadonlyMap<string, StageReport>>(new Map());

const ROUND_INTERVAL_MS = 700;
/** Calls at once; each is an audited read. */
const MAX_CALLS_PER_ROUND = 5;
const askedAtMs = new Map<string, number>();

export const stagesPoller = new Poller("stages", ROUND_INTERVAL_MS, async () => {
  const shown = shownEvents();
  forgetOthers(shown);
  const due = [...shown].filter(([messageId, acceptedAtMs]) => isDue(messageId, acceptedAtMs, Date.now()));
  const answers = await Promise.all(due.slice(0, MAX_CALLS_PER_ROUND).map(([messageId]) => ask(messageId)));
  return answers.find((answer) => answer.kind !== "ok") ?? { kind: "ok", data: undefined };
});

/** True once nothing more will happen to the event. */
export function isSettled(report: StageReport | undefined): boolean {
  if (!report) return false;
  return report.failed !== undefined || report.suppressed !== undefined || TIERS.every((tier) => report[tier]);
}

/**
 * A stage counts as reached when a later one is: an event in a tier was processed, whether or not that was noted yet.
 * A row of the event list was accepted in any case.
 */
export function isReached(report: StageReport | undefined, stage: Stage): boolean {
  if (stage === "accepted" || report?.[stage]) return true;
  const place = (PATH_STAGES as readonly Stage[]).indexOf(stage);
  if (place < 0) return false;
  return [...PATH_STAGES.slice(place + 1), ...TIERS].some((later) => report?.[later]);
}

function shownEvents(): Map<string, number> {
  const rows = [...(openEvent.value ? [openEvent.value] : []), ...(events.value ?? [])];
  return new Map(rows.map((row) => [row.messageId, Date.parse(row.receivedAt)]));
}

function isDue(messageId: string, acceptedAtMs: number, nowMs: number): boolean {
  if (isSettled(stageReports.value.get(messageId))) return false;
  const ageMs = nowMs - acceptedAtMs;
  const paceMs = ageMs < 15_000 ? 1_000 : ageMs < 300_000 ? 4_000 : 30_000;
  return nowMs - (askedAtMs.get(messageId) ?? 0) >= paceMs;
}

async function ask(messageId: string): Promise<ApiAnswer<unknown>> {
  askedAtMs.set(messageId, Date.now());
  const answer = await read<StageReport>(`/v1/events/${encodeURIComponent(messageId)}`);
  // The list may be ahead of the place that knows the stages.
  if (answer.kind === "notFound") return { kind: "ok", data: undefined };
  if (answer.kind === "ok") stageReports.value = new Map(stageReports.value).set(messageId, answer.data);
  return answer;
}

function forgetOthers(shown: ReadonlyMap<string, number>): void {
  for (const messageId of askedAtMs.keys()) if (!shown.has(messageId)) askedAtMs.delete(messageId);
  const kept = [...stageReports.value].filter(([messageId]) => shown.has(messageId));
  if (kept.length < stageReports.value.size) stageReports.value = new Map(kept);
}
