// Stores whole numbers as ranges. Waiting rows form long runs, and a run costs the same memory and disk whatever its length.

export type Range = [from: number, to: number];

export class Ranges {
  /** Sorted, disjoint, both ends included. */
  readonly #ranges: Range[] = [];
  #count = 0;

  constructor(ranges: readonly Range[] = []) {
    for (const [from, to] of ranges) {
      this.#ranges.push([from, to]);
      this.#count += to - from + 1;
    }
  }

  get count(): number {
    return this.#count;
  }

  /** @param value larger than all values in the set. */
  push(value: number): void {
    const last = this.#ranges.at(-1);
    if (last !== undefined && last[1] === value - 1) last[1] = value;
    else this.#ranges.push([value, value]);
    this.#count++;
  }

  remove(value: number): void {
    const at = this.#firstEndingAtOrAfter(value);
    const range = this.#ranges[at];
    if (range === undefined || range[0] > value) return;
    const [from, to] = range;
    this.#count--;
    if (from === to) this.#ranges.splice(at, 1);
    else if (from === value) range[0]++;
    else if (to === value) range[1]--;
    else this.#ranges.splice(at, 1, [from, value - 1], [value + 1, to]);
  }

  /** How many values are in the range, both ends included. */
  countIn(from: number, to: number): number {
    let count = 0;
    for (let at = this.#firstEndingAtOrAfter(from); at < this.#ranges.length; at++) {
      const [start, end] = this.#ranges[at] as Range;
      if (start > to) break;
      count += Math.min(end, to) - Math.max(start, from) + 1;
    }
    return count;
  }

  has(value: number): boolean {
    return this.countIn(value, value) === 1;
  }

  /** Iterates in ascending order. No value may be removed during the iteration. */
  *[Symbol.iterator](): Generator<number> {
    for (const [from, to] of this.#ranges) for (let value = from; value <= to; value++) yield value;
  }

  without(values: readonly number[]): Ranges {
    const copy = new Ranges(this.#ranges);
    for (const value of values) copy.remove(value);
    return copy;
  }

  toJSON(): Range[] {
    return this.#ranges;
  }

  #firstEndingAtOrAfter(value: number): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#ranges[middle] as Range)[1] < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
