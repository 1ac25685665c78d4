/** Says that the figures are stale, why, and when the next attempt is. The rest of the page stays usable. */
import { formatTime } from "../format.ts";
import { nowMs } from "../live/clock.ts";
import { fault, pollNow } from "../live/poller.ts";
import { updatedAtMs } from "../live/realtime.ts";
import { WarningIcon } from "./icons.tsx";

export function FaultBanner() {
  const current = fault.value;
  return (
    <div role="status" class="banner-place">
      {current && (
        <div class="banner" data-testid="fault-banner">
          <WarningIcon />
          <p>
            <strong>{current.message}.</strong>{" "}
            {updatedAtMs.value > 0 && `Showing what was known at ${formatTime(updatedAtMs.value).split(/[.,]/)[0]}. `}
            <Countdown untilMs={current.retryAtMs} />
          </p>
          <button type="button" class="button button-small" data-testid="fault-retry" onClick={pollNow}>
            Retry now
          </button>
        </div>
      )}
    </div>
  );
}

/** Hidden from screen readers, because a new number every second would drown the message. */
function Countdown({ untilMs }: { untilMs: number }) {
  const seconds = Math.ceil((untilMs - nowMs.value) / 1_000);
  return <span aria-hidden="true">{seconds > 0 ? `Next try in ${seconds} s.` : "Trying again …"}</span>;
}
