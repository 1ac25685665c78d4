/** Places the chart in the page, redraws it for each answer and each theme, and describes it to screen readers. */
import { effect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { createMinutesPlot } from "../charts/minutes-plot.ts";
import { formatCount, formatMinute } from "../format.ts";
import { minutes } from "../live/realtime.ts";
import { theme } from "../theme.ts";

export function MinutesChart() {
  const holder = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!holder.current) return;
    const plot = createMinutesPlot(holder.current);
    const stopData = effect(() => plot.show(minutes.value));
    const stopTheme = effect(() => {
      void theme.value;
      plot.recolour();
    });
    return () => {
      stopData();
      stopTheme();
      plot.destroy();
    };
  }, []);
  return <div class="chart" ref={holder} role="img" aria-label={summary()} data-testid="minutes-chart" />;
}

function summary(): string {
  const busiest = minutes.value.reduce((best, minute) => (minute.events > best.events ? minute : best));
  return `Events per minute over the last 30 minutes; the most at ${formatMinute(busiest.minuteMs)}, ${formatCount(busiest.events)}`;
}
