/** Lists the stages of one event vertically, each with the time since acceptance. */
import { type EventRow, PATH_STAGES, type Stage, type StageReport, TIERS } from "../api/types.ts";
import { formatDuration, formatTime } from "../format.ts";
import { isReached, isSettled } from "../live/stages.ts";

const MEANINGS: Record<Stage, { name: string; place: string }> = {
  accepted: { name: "Accepted", place: "durable at the edge" },
  flushed: { name: "Flushed", place: "in the raw stream" },
  processed: { name: "Processed", place: "validated, enriched, pseudonymised" },
  hot: { name: "Hot", place: "DynamoDB, real time" },
  warm: { name: "Warm", place: "TimescaleDB, analytics" },
  cold: { name: "Cold", place: "Parquet on S3, archive" },
};

interface StageTimelineProps {
  row: EventRow;
  report: StageReport | undefined;
}

export function StageTimeline({ row, report }: StageTimelineProps) {
  const acceptedAt = report?.accepted ?? row.receivedAt;
  return (
    <>
      <ol class="timeline" data-testid="stage-timeline">
        {[...PATH_STAGES, ...TIERS].map((stage) => (
          <Step
            key={stage}
            stage={stage}
            reached={isReached(report, stage)}
            time={stage === "accepted" ? acceptedAt : report?.[stage]}
            acceptedAt={acceptedAt}
          />
        ))}
      </ol>
      <Ending title="In the failed-events store" reason={report?.failed} />
      <Ending title="Not stored" reason={report?.suppressed} />
      {!isSettled(report) && (
        <p class="timeline-note">The archive is written in larger pieces; it may take a minute.</p>
      )}
    </>
  );
}

interface StepProps {
  stage: Stage;
  reached: boolean;
  time: string | undefined;
  acceptedAt: string;
}

function Step({ stage, reached, time, acceptedAt }: StepProps) {
  const tookMs = time ? Date.parse(time) - Date.parse(acceptedAt) : Number.NaN;
  return (
    <li class="step" data-stage={stage} data-reached={reached}>
      <span class="step-dot" aria-hidden="true" />
      <span class="step-name">
        {MEANINGS[stage].name}
        <span class="step-place">{MEANINGS[stage].place}</span>
      </span>
      <span class="step-time">
        {time ? formatTime(time) : reached ? "" : "not yet"}
        {tookMs > 0 && <span class="step-took">+{formatDuration(tookMs)}</span>}
      </span>
    </li>
  );
}

function Ending({ title, reason }: { title: string; reason: unknown }) {
  if (reason === undefined) return null;
  return (
    <div class="ending" role="note">
      <strong>{title}</strong>
      <code>{typeof reason === "string" ? reason : JSON.stringify(reason)}</code>
    </div>
  );
}
