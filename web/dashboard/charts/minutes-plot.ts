/**
 * Draws events per minute as bars with uPlot. The current minute is a second, paler series. Its bar still grows, and in
 * the colour of the other bars it would look like a drop.
 */
// Imported before uPlot, because uPlot creates a formatter for the browser's language when it loads.
import "../../locale.ts";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { formatCount, formatMinute } from "../format.ts";
import type { ChartMinute } from "../live/realtime.ts";

export interface MinutesPlot {
  show(minutes: readonly ChartMinute[]): void;
  /** Reads the colours from the style sheet again. */
  recolour(): void;
  destroy(): void;
}

interface Colours {
  bar: string;
  runningBar: string;
  grid: string;
  text: string;
}

/** Room above the bars for the tooltip. */
const TOOLTIP_PX = 30;
const MIN_TOP = 4;
const HALF_MINUTE_SECONDS = 30;
const BAR_SHARE = 0.74;
const MAX_BAR_PX = 30;

export function createMinutesPlot(holder: HTMLElement): MinutesPlot {
  let colours = readColours(holder);
  const tooltip = createTooltip();
  const options: uPlot.Options = {
    ...sizeOf(holder),
    padding: [TOOLTIP_PX, 14, 0, 0],
    legend: { show: false },
    cursor: { x: false, y: false, points: { show: false }, drag: { x: false, y: false, setScale: false } },
    scales: {
      x: { range: (_plot, min, max) => [min - HALF_MINUTE_SECONDS, max + HALF_MINUTE_SECONDS] },
      y: { range: (_plot, _min, max) => [0, Math.max(MIN_TOP, (max ?? 0) * 1.12)] },
    },
    axes: axes(() => colours, getComputedStyle(holder).fontFamily),
    series: [{}, bars(() => colours.bar), bars(() => colours.runningBar)],
    hooks: { init: [(plot) => tooltip.mount(plot.over)], setCursor: [(plot) => tooltip.follow(plot)] },
  };
  const plot = new uPlot(options, [[], [], []], holder);
  const observer = new ResizeObserver(() => plot.setSize(sizeOf(holder)));
  observer.observe(holder);
  return {
    show: (minutes) => plot.setData(toData(minutes)),
    recolour() {
      colours = readColours(holder);
      plot.redraw(false);
    },
    destroy() {
      observer.disconnect();
      plot.destroy();
    },
  };
}

function toData(minutes: readonly ChartMinute[]): uPlot.AlignedData {
  const running = minutes.length - 1;
  return [
    minutes.map(({ minuteMs }) => minuteMs / 1_000),
    minutes.map(({ events }, index) => (index === running ? null : events)),
    minutes.map(({ events }, index) => (index === running ? events : null)),
  ];
}

/** Full colour at the top of the plot, a little lighter at its foot. */
function bars(colour: () => string): uPlot.Series {
  const fill = ({ ctx, bbox }: uPlot): CanvasGradient => {
    const gradient = ctx.createLinearGradient(0, bbox.top, 0, bbox.top + bbox.height);
    gradient.addColorStop(0, colour());
    gradient.addColorStop(1, `color-mix(in srgb, ${colour()} 68%, transparent)`);
    return gradient;
  };
  const paths = uPlot.paths.bars?.({ size: [BAR_SHARE, MAX_BAR_PX], radius: 0.28 });
  return { fill, width: 0, points: { show: false }, ...(paths && { paths }) };
}

const GAP_PX = 8;
/** The widest digit of the font at its size. */
const DIGIT_PX = 7.5;
const LEAST_WIDTH_PX = 44;

/** The width for the longest label, at least the width of a short label. */
function widthOf(labels: readonly string[] | null): number {
  const longest = Math.max(0, ...(labels ?? []).map((label) => label.length));
  return Math.max(LEAST_WIDTH_PX, Math.ceil(GAP_PX + longest * DIGIT_PX));
}

function axes(colours: () => Colours, fontFamily: string): uPlot.Axis[] {
  const font = `11.5px ${fontFamily}`;
  const stroke = (): string => colours().text;
  return [
    {
      font,
      stroke,
      size: 28,
      gap: 8,
      space: 64,
      grid: { show: false },
      ticks: { show: false },
      incrs: [300, 600, 900],
      values: (_plot, splits) => splits.map((seconds) => formatMinute(seconds * 1_000)),
    },
    {
      font,
      stroke,
      size: (_plot, values) => widthOf(values),
      gap: GAP_PX,
      space: 42,
      grid: { stroke: () => colours().grid, width: 1 },
      ticks: { show: false },
      incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 2e6, 5e6],
      values: (_plot, splits) => splits.map(formatCount),
    },
  ];
}

/** Marks the minute under the pointer with a band behind its bar and shows its count above. */
function createTooltip() {
  const band = document.createElement("div");
  band.className = "chart-band";
  const label = document.createElement("div");
  label.className = "chart-tooltip";
  return {
    mount: (over: HTMLElement) => over.append(band, label),
    follow(plot: uPlot): void {
      const index = plot.cursor.idx ?? -1;
      const seconds = plot.data[0][index];
      const shown = seconds !== undefined;
      band.hidden = label.hidden = !shown;
      if (!shown) return;
      const running = plot.data[2]?.[index] ?? undefined;
      const events = running ?? plot.data[1]?.[index] ?? 0;
      const left = plot.valToPos(seconds - HALF_MINUTE_SECONDS, "x");
      const right = plot.valToPos(seconds + HALF_MINUTE_SECONDS, "x");
      band.style.left = `${left}px`;
      band.style.width = `${right - left}px`;
      const soFar = running === undefined ? "" : " so far";
      label.textContent = `${formatMinute(seconds * 1_000)}  ·  ${formatCount(events)} event${events === 1 ? "" : "s"}${soFar}`;
      const half = label.offsetWidth / 2;
      const middle = Math.min(Math.max((left + right) / 2, half), plot.over.clientWidth - half);
      label.style.left = `${middle}px`;
    },
  };
}

function sizeOf(holder: HTMLElement): { width: number; height: number } {
  return { width: Math.max(holder.clientWidth, 120), height: Math.max(holder.clientHeight, 120) };
}

/** A canvas does not accept custom properties, so an element that uses the property resolves each colour. */
function readColours(holder: HTMLElement): Colours {
  const probe = document.createElement("span");
  holder.append(probe);
  const resolve = (property: string): string => {
    probe.style.color = `var(${property})`;
    return getComputedStyle(probe).color;
  };
  const colours = {
    bar: resolve("--accent"),
    runningBar: resolve("--accent-pale"),
    grid: resolve("--line-faint"),
    text: resolve("--ink-faint"),
  };
  probe.remove();
  return colours;
}
