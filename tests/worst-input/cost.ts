// Measures whether the cost of reading a text grows linearly with the text, and how large the cost is. It uses the process's CPU
// time, so that a busy machine changes little, takes the minimum of several runs, and has generous bounds.

/** The maximum of `cost(8 n) / (8 cost(n))`: 1 is linear, 8 is quadratic. */
const GROWTH_MAX = 2.5;
/** Below this CPU time the clock's resolution decides the result: some kernels count in steps of 4 ms. */
const FLOOR_MS = 8;
/** Above this CPU time one measurement is enough: no other load makes a cheap text cost so much. */
const CERTAIN_MS = 500;
/** Far above the cost of any reader. A reader that scans thousands of characters from each position costs still more. */
const MS_PER_KIB_MAX = 4;
/** For a pattern that runs alone, without any code of the test runner. */
export const PATTERN_MS_PER_KIB_MAX = 1;
const KIB = 1_024;
const LARGE = 32 * KIB;
const PARTS = 8;
/** The first runs compile the code. */
const TRIES = 8;

type Reader = (text: string) => unknown;

function cpuMs(read: Reader, text: string): number {
  let least = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < TRIES; tries++) {
    const start = process.cpuUsage();
    read(text);
    const { user, system } = process.cpuUsage(start);
    least = Math.min(least, (user + system) / 1_000);
    // Too short or too long for chance to matter.
    if (least < FLOOR_MS || least > CERTAIN_MS) break;
  }
  return least;
}

/** This many complaints are enough. */
const COMPLAINTS_MAX = 3;

export interface CostBounds {
  /** The reader never gets a longer text. */
  maxLength?: number;
  msPerKibMax?: number;
}

/** @returns the findings about the cost of reading these texts. Empty when there are none. */
export function judgeCosts(
  read: Reader,
  inputs: readonly ((length: number) => string)[],
  bounds: CostBounds = {},
): string[] {
  const wrong: string[] = [];
  for (const inputOf of inputs) {
    // A second measurement tells a busy machine from an expensive text: quadratic cost appears each time.
    const complaint = judgeCost(read, inputOf, bounds) === null ? null : judgeCost(read, inputOf, bounds);
    if (complaint !== null && wrong.push(complaint) === COMPLAINTS_MAX) break;
  }
  return wrong;
}

/** @param inputOf returns a text of about this many characters */
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

/**
 * Texts of any length that are expensive for a reader that looks for these pieces: each piece repeated, and each piece before a
 * repetition of another piece.
 */
export function worstInputs(pieces: readonly string[]): ((length: number) => string)[] {
  const distinct = [...new Set(pieces)].filter((piece) => piece !== "");
  const inputs: ((length: number) => string)[] = [];
  for (const piece of distinct) {
    inputs.push((length) => filled(piece, length));
    // Almost a match, but not a match.
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

/** Pieces that are placed before repetitions of all other pieces. */
const BEFORE_MAX = 6;

function filled(piece: string, length: number): string {
  return piece.repeat(Math.ceil(length / piece.length)).slice(0, length);
}

/** Longer than most bounded repetitions in a pattern. */
const RUN = 70;
