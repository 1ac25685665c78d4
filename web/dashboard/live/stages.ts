/**
 * Polls the stages of each shown event. Polling stops when the event is in all tiers, when it failed or was suppressed, or
 * when it has left the screen. An older event is polled less often.
 */
import { signal } from "@preact/signals";
import { type ApiAnswer, read } from "../api/client.ts";
import { PATH_STAGES, type Stage, type StageReport, TIERS } from "../api/types.ts";
import { events, openEvent } from "./events.ts";
import { Poller } from "./poller.ts";

export const stageReports = signal<ReadonlyMap<string, StageReport>>(new Map());

const ROUND_INTERVAL_MS = 700;
/** Calls per round. Each call is an audited read. */
const MAX_CALLS_PER_ROUND = 5;
const askedAtMs = new Map<string, number>();

export const stagesPoller = new Poller("stages", ROUND_INTERVAL_MS, async () => {
  const shown = shownEvents();
  forgetOthers(shown);
  const due = [...shown].filter(([messageId, acceptedAtMs]) => isDue(messageId, acceptedAtMs, Date.now()));
  const answers = await Promise.all(due.slice(0, MAX_CALLS_PER_ROUND).map(([messageId]) => ask(messageId)));
  return answers.find((answer) => answer.kind !== "ok") ?? { kind: "ok", data: undefined };
});

/** True when the event will reach no further stage. */
export function isSettled(report: StageReport | undefined): boolean {
  if (!report) return false;
  return report.failed !== undefined || report.suppressed !== undefined || TIERS.every((tier) => report[tier]);
}

/**
 * A stage counts as reached when a later stage is: an event in a tier was processed, even if that is not recorded yet.
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
  // The event list may be ahead of the stage reports.
  if (answer.kind === "notFound") return { kind: "ok", data: undefined };
  if (answer.kind === "ok") stageReports.value = new Map(stageReports.value).set(messageId, answer.data);
  return answer;
}

function forgetOthers(shown: ReadonlyMap<string, number>): void {
  for (const messageId of askedAtMs.keys()) if (!shown.has(messageId)) askedAtMs.delete(messageId);
  const kept = [...stageReports.value].filter(([messageId]) => shown.has(messageId));
  if (kept.length < stageReports.value.size) stageReports.value = new Map(kept);
}
