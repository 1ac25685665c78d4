/**
 * Draws the last minute as an area, or less while the page is younger than a minute. It is hidden from screen readers,
 * because the figure above gives the same information as text.
 */
import { useId } from "preact/hooks";
import { type RateSample, STRIP_WINDOW_MS } from "../live/rate.ts";
import { rateSamples, updatedAtMs } from "../live/realtime.ts";

const WIDTH = 600;
const HEIGHT = 96;
const HEADROOM = 1.25;
const MIN_SPAN_MS = 10_000;

export function RateStrip() {
  const gradientId = useId();
  const samples = rateSamples.value;
  const nowMs = updatedAtMs.value;
  const ageMs = nowMs - (samples[0]?.atMs ?? nowMs);
  const spanMs = Math.min(Math.max(ageMs, MIN_SPAN_MS), STRIP_WINDOW_MS);
  const line = linePath(samples, nowMs, spanMs);
  return (
    <div class="strip" aria-hidden="true">
      <svg class="strip-plot" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none">
        <defs>
          <linearGradient id={gradientId} x1="0" y1="0" x2="0" y2="1">
            <stop offset="0" class="strip-stop-top" />
            <stop offset="1" class="strip-stop-bottom" />
          </linearGradient>
        </defs>
        {line && <path d={`${line.path}L${WIDTH} ${HEIGHT}L${line.startX} ${HEIGHT}Z`} fill={`url(#${gradientId})`} />}
        {line && <path class="strip-line" d={line.path} />}
      </svg>
      <div class="strip-scale">
        <span>{Math.round(spanMs / 1_000)} s ago</span>
        <span>now</span>
      </div>
    </div>
  );
}

/** One point per sample, at its time. The curve never overshoots, because control points keep the height of their point. */
function linePath(
  samples: readonly RateSample[],
  nowMs: number,
  spanMs: number,
): { path: string; startX: number } | undefined {
  if (samples.length < 2) return undefined;
  const rates = samples.map((sample) => (sample.events * 1_000) / sample.elapsedMs);
  const top = Math.max(1, ...rates) * HEADROOM;
  const points = samples.map((sample, index) => ({
    x: round(WIDTH * (1 - (nowMs - sample.atMs) / spanMs)),
    y: round(HEIGHT - ((rates[index] ?? 0) / top) * HEIGHT),
  }));
  const [first, ...rest] = points;
  if (!first) return undefined;
  let path = `M${first.x} ${first.y}`;
  let previous = first;
  for (const point of rest) {
    const middle = round((previous.x + point.x) / 2);
    path += `C${middle} ${previous.y} ${middle} ${point.y} ${point.x} ${point.y}`;
    previous = point;
  }
  return { path, startX: first.x };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
