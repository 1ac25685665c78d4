// Stores the positions of a raw shard that an item has counted, as ascending and separate ranges. The checkpoint alone is not
// enough: it also moves past batches that were sent to the failure destination. A redrive needs to know whether such an event was
// counted before. Pure.
//
// A range is a pair of numbers, because two texts of seventy digits in every write would be larger than the counters.

const INDEX_BITS = 20n;
const INDEX_MASK = (1n << INDEX_BITS) - 1n;
/**
 * An item is written about a hundred times in its minute. Above this number the two oldest ranges become one, and the positions
 * between them count as counted.
 */
const RANGES_MAX = 1_000;

export interface PositionRange {
  first: bigint;
  last: bigint;
}

/** @param position a position of the contract's function `position` */
export function positionNumber(position: string): bigint {
  const point = position.indexOf(".");
  return (BigInt(position.slice(0, point)) << INDEX_BITS) | (BigInt(position.slice(point + 1)) & INDEX_MASK);
}

export function covers(ranges: readonly PositionRange[], position: bigint): boolean {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ranges[middle] as PositionRange).last < position) low = middle + 1;
    else high = middle;
  }
  const candidate = ranges[low];
  return candidate !== undefined && candidate.first <= position;
}

/**
 * Adds ascending positions, none of which is covered. Two successive positions become one range unless a range is between them,
 * because the caller names every event between the first and the last.
 */
export function withPositions(ranges: readonly PositionRange[], positions: readonly bigint[]): PositionRange[] {
  const result: PositionRange[] = [];
  let next = 0;
  let run: PositionRange | undefined;
  const end = () => {
    if (run !== undefined) result.push(run);
    run = undefined;
  };
  for (const position of positions) {
    while (next < ranges.length && (ranges[next] as PositionRange).first < position) {
      end();
      result.push(ranges[next++] as PositionRange);
    }
    run = { first: run?.first ?? position, last: position };
  }
  end();
  result.push(...ranges.slice(next));
  return bounded(result);
}

function bounded(ranges: PositionRange[]): PositionRange[] {
  if (ranges.length <= RANGES_MAX) return ranges;
  const surplus = ranges.length - RANGES_MAX;
  const [oldest, newest] = [ranges[0] as PositionRange, ranges[surplus] as PositionRange];
  return [{ first: oldest.first, last: newest.last }, ...ranges.slice(surplus + 1)];
}

/** Encodes each number as its distance from the previous number, in a variable number of bytes. */
export function encodeRanges(ranges: readonly PositionRange[]): Uint8Array {
  const parts: Uint8Array[] = [];
  let before = 0n;
  for (const { first, last } of ranges) {
    parts.push(encodeNumber(first - before), encodeNumber(last - first));
    before = last;
  }
  return Buffer.concat(parts);
}

/** @throws RangeError if the bytes are not a result of `encodeRanges`. */
export function decodeRanges(bytes: Uint8Array): PositionRange[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const ranges: PositionRange[] = [];
  let before = 0n;
  let offset = 0;
  const read = (): bigint => {
    const length = buffer.readUInt8(offset);
    const end = offset + 1 + length;
    if (end > buffer.length) throw new RangeError("ranges: cut short");
    const value = length === 0 ? 0n : BigInt(`0x${buffer.toString("hex", offset + 1, end)}`);
    offset = end;
    return value;
  };
  while (offset < buffer.length) {
    const first = before + read();
    before = first + read();
    ranges.push({ first, last: before });
  }
  return ranges;
}

function encodeNumber(value: bigint): Uint8Array {
  if (value === 0n) return Buffer.of(0);
  const digits = value.toString(16);
  const number = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, "hex");
  return Buffer.concat([Buffer.of(number.length), number]);
}
