/** Shows events per second now, and second by second over the last minute. */
import { formatRate } from "../format.ts";
import { eventsPerSecond, minutes, realtime } from "../live/realtime.ts";
import { Card } from "./card.tsx";
import { RateStrip } from "./rate-strip.tsx";

export function RateCard() {
  const loaded = realtime.value !== undefined;
  const peak = Math.max(...minutes.value.map(({ events }) => events)) / 60;
  return (
    <Card title="Events per second" class="rate-card">
      <p class="rate">
        <span class="rate-now" data-testid="rate-now" data-value={eventsPerSecond.value}>
          {loaded ? formatRate(eventsPerSecond.value) : "–"}
        </span>
        <span class="rate-unit">now</span>
      </p>
      <p class="rate-note">
        {loaded ? `busiest minute ${formatRate(peak)} per second` : "waiting for the first answer"}
      </p>
      <RateStrip />
    </Card>
  );
}
