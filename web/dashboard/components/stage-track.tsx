/** Shows the stages an event has reached as chips: accepted, flushed, processed, then the three tiers. */
import { PATH_STAGES, type Stage, type StageReport, TIERS } from "../api/types.ts";
import { formatTime } from "../format.ts";
import { isReached } from "../live/stages.ts";
import { CheckIcon, WarningIcon } from "./icons.tsx";

export function StageTrack({ report }: { report: StageReport | undefined }) {
  const ended = report?.failed !== undefined ? "failed" : report?.suppressed !== undefined ? "suppressed" : undefined;
  return (
    <ol class="track" aria-label="Where it is" data-testid="stage-track">
      {PATH_STAGES.map((stage) => (
        <Chip key={stage} stage={stage} report={report} />
      ))}
      {ended ? (
        <li class={`chip chip-${ended}`} data-testid={`stage-${ended}`}>
          <WarningIcon />
          {ended}
        </li>
      ) : (
        TIERS.map((tier) => <Chip key={tier} stage={tier} report={report} isTier />)
      )}
    </ol>
  );
}

interface ChipProps {
  stage: Stage;
  report: StageReport | undefined;
  isTier?: boolean;
}

function Chip({ stage, report, isTier = false }: ChipProps) {
  const reached = isReached(report, stage);
  const time = report?.[stage];
  const title = time ? `${stage} at ${formatTime(time)}` : reached ? stage : `${stage}: not yet`;
  return (
    <li
      class={`chip chip-${isTier ? "tier" : "path"}`}
      data-stage={stage}
      data-reached={reached}
      data-testid={`stage-${stage}`}
      title={title}
    >
      {!isTier && <CheckIcon />}
      <span class="chip-label">{stage}</span>
      {!reached && <span class="visually-hidden">, not yet</span>}
    </li>
  );
}
