// The lines that a start prints: one line per step with its duration. A terminal also shows the steps in progress.

const stream = process.stdout;
const isTerminal = stream.isTTY && process.env.TERM !== "dumb";
const colours = isTerminal && process.env.NO_COLOR === undefined;
const underWay = new Map<string, number>();
// The reader of the output may close it. The pipeline continues.
stream.on("error", () => undefined);
process.stderr.on("error", () => undefined);

const paint = (code: number, text: string) => (colours ? `\u001b[${code}m${text}\u001b[0m` : text);
export const bold = (text: string): string => paint(1, text);
export const dim = (text: string): string => paint(2, text);
export const red = (text: string): string => paint(31, text);
const green = (text: string): string => paint(32, text);

/** Runs a step and prints its line when it is done. @throws what the step throws. */
export async function step<T>(name: string, work: () => Promise<T>): Promise<T> {
  const startMs = performance.now();
  underWay.set(name, startMs);
  drawUnderWay();
  try {
    const result = await work();
    underWay.delete(name);
    say(`${green("✓")} ${name} ${dim(seconds(performance.now() - startMs))}`);
    return result;
  } catch (fault) {
    underWay.delete(name);
    say(`${red("✗")} ${name} ${dim(seconds(performance.now() - startMs))}`);
    throw fault;
  }
}

export function say(line: string): void {
  if (isTerminal) stream.write("\r\u001b[2K");
  stream.write(`${line}\n`);
  drawUnderWay();
}

/** For messages that the operator must see after the start has finished. */
export function warn(line: string): void {
  if (isTerminal) stream.write("\r\u001b[2K");
  process.stderr.write(`${line}\n`);
  drawUnderWay();
}

export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

function drawUnderWay(): void {
  if (isTerminal && underWay.size > 0) stream.write(`\r\u001b[2K${dim(`… ${[...underWay.keys()].join(", ")}`)}`);
}
