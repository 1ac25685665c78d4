/** Shows the last half hour: active users, the number of events, and each minute as a bar. */
import { formatCount, formatRate } from "../format.ts";
import { realtime, totalEvents, WINDOW_MINUTES } from "../live/realtime.ts";
import { Card } from "./card.tsx";
import { MinutesChart } from "./minutes-chart.tsx";

export function MinutesCard() {
  const loaded = realtime.value !== undefined;
  return (
    <Card title="Last 30 minutes" class="minutes-card">
      <dl class="figures">
        <Figure label="Active users" testId="active-users" value={realtime.value?.activeUsers} />
        <Figure label="Events" testId="total-events" value={loaded ? totalEvents.value : undefined} />
        <Figure
          label="Events per minute"
          testId="events-per-minute"
          value={loaded ? totalEvents.value / WINDOW_MINUTES : undefined}
        />
      </dl>
      <MinutesChart />
    </Card>
  );
}

function Figure({ label, value, testId }: { label: string; value: number | undefined; testId: string }) {
  return (
    <div class="figure">
      <dt>{label}</dt>
      <dd data-testid={testId} data-value={value}>
        {value === undefined ? "–" : Number.isInteger(value) ? formatCount(value) : formatRate(value)}
      </dd>
    </div>
  );
}
