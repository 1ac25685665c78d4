// Whether the cost of reading a text grows with the text, and how much it is. CPU time of the process, so that a busy machine
// changes little; the least of several runs; bounds with room.

/** What `cost(8 n) / (8 cost(n))` may be: 1 is linear, 8 the square. */
const GROWTH_MAX = 2.5;
/** Below this much CPU time the clock's own steps decide: some kernels count by 4 ms. */
const FLOOR_MS = 8;
/** Far above what any of them takes: what reads thousands of characters from each place takes more still. */
const MS_PER_KIB_MAX = 4;
/** Of a pattern run by itself, in which no code of the test runner has a part. */
export const PATTERN_MS_PER_KIB_MAX = 1;
const KIB = 1_024;
const LARGE = 32 * KIB;
const PARTS = 8;
/** The first ones compile the code that they run. */
const TRIES = 8;

type Reader = (text: string) => unknown;

function cpuMs(read: Reader, text: string): number {
  let least = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < TRIES; tries++) {
    const start = process.cpuUsage();
    read(text);
    const { user, system } = process.cpuUsage(start);
    least = Math.min(least, (user + system) / 1_000);
    // Too short to be a matter of chance.
    if (least < FLOOR_MS) break;
  }
  return least;
}

/** So many complaints are enough. */
const COMPLAINTS_MAX = 3;

export interface CostBounds {
  /** Longer texts never come to the reader. */
  maxLength?: number;
  msPerKibMax?: number;
}

/** @returns what is wrong with the cost of reading these, empty when nothing is. */
export function judgeCosts(
  read: Reader,
  inputs: readonly ((length: number) => string)[],
  bounds: CostBounds = {},
): string[] {
  const wrong: string[] = [];
  for (const inputOf of inputs) {
    // A busy machine is told from a dear text by measuring again: what grows with the square does so each time.
    const complaint = judgeCost(read, inputOf, bounds) === null ? null : judgeCost(read, inputOf, bounds);
    if (complaint !== null && wrong.push(complaint) === COMPLAINTS_MAX) break;
  }
  return wrong;
}

/** @param inputOf a text of about so many characters */
function judgeCost(
  read: Reader,
  inputOf: (length: number) => string,
  { maxLength = LARGE, msPerKibMax = MS_PER_KIB_MAX }: CostBounds,
): string | null {
  const large = inputOf(Math.min(LARGE, maxLength)).slice(0, maxLength);
  const largeMs = cpuMs(read, large);
  if (largeMs <= FLOOR_MS) return null;
  const shown = JSON.stringify(large.slice(0, 60));
  const perKib = (largeMs / large.length) * KIB;
  if (perKib > msPerKibMax) return `${perKib.toFixed(2)} ms a KiB for ${shown}…`;
  const small = inputOf(Math.ceil(large.length / PARTS));
  const partsMs = cpuMs((text) => {
    for (let part = 0; part < PARTS; part++) read(text);
  }, small);
  const growth = largeMs / Math.max(partsMs, FLOOR_MS);
  return growth > GROWTH_MAX ? `a text costs ${growth.toFixed(1)} times what its eighths cost for ${shown}…` : null;
}

/** Texts of any length that are hard to read for what looks for these pieces: each repeated, and each before a run of another. */
export function worstInputs(pieces: readonly string[]): ((length: number) => string)[] {
  const distinct = [...new Set(pieces)].filter((piece) => piece !== "");
  const inputs: ((length: number) => string)[] = [];
  for (const piece of distinct) {
    inputs.push((length) => filled(piece, length));
    // Nearly a match, and then none.
    inputs.push((length) => `${filled(piece, length - 1)}\u0000`);
  }
  for (const before of distinct.slice(0, BEFORE_MAX)) {
    for (const run of distinct) {
      if (before === run) continue;
      inputs.push((length) => before + filled(run, length - before.length));
      inputs.push((length) => filled(before + run.repeat(RUN), length));
    }
  }
  return inputs;
}

/** Pieces that stand before runs of all others. */
const BEFORE_MAX = 6;

function filled(piece: string, length: number): string {
  return piece.repeat(Math.ceil(length / piece.length)).slice(0, length);
}

/** Longer than most bounded repetitions of a pattern's parts. */
const RUN = 70;
