// Small integers as Parquet's hybrid of runs and packed bits: definition levels (is there a value?) and dictionary indices.
// One run where all are alike, else all of them packed: zstd finds the shorter runs in between. Pure.

/** All values are `value`. @param bitWidth bits that the largest value of the column needs */
export function runOfOne(value: number, count: number, bitWidth: number): Uint8Array {
  const bytes: number[] = [];
  pushVarint(bytes, count * 2);
  for (let shift = 0; shift < bitWidth; shift += 8) bytes.push((value >> shift) & 0xff);
  return Uint8Array.from(bytes);
}

/** @param bitWidth 1 to 24 */
export function packed(values: Uint32Array | Uint8Array, bitWidth: number): Uint8Array {
  const groups = Math.ceil(values.length / 8);
  const header: number[] = [];
  pushVarint(header, groups * 2 + 1);
  const bytes = new Uint8Array(header.length + groups * bitWidth);
  bytes.set(header);
  let at = header.length;
  let bits = 0;
  let held = 0;
  for (let index = 0; index < values.length; index++) {
    bits |= (values[index] as number) << held;
    held += bitWidth;
    while (held >= 8) {
      bytes[at++] = bits;
      bits >>>= 8;
      held -= 8;
    }
  }
  if (held > 0) bytes[at] = bits;
  return bytes;
}

export function bitsFor(largest: number): number {
  return 32 - Math.clz32(largest);
}

function pushVarint(bytes: number[], value: number): void {
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
}
