// Formats numbers for messages, so that no message repeats a bound by hand.

const KIB = 1024;
const MIB = KIB * KIB;

/** `4 MiB`, `32 KiB`, or `900,000 bytes` if no larger unit divides the number. */
export function sizeText(bytes: number): string {
  if (bytes % MIB === 0) return `${bytes / MIB} MiB`;
  if (bytes % KIB === 0) return `${bytes / KIB} KiB`;
  return `${countText(bytes)} bytes`;
}

/** `2,500`. */
export function countText(count: number): string {
  return count.toLocaleString("en-US");
}
