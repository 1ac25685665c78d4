// The wording of a value in the generated tables.

/** A vertical bar would end the cell, and a less-than sign could begin a tag. */
export function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
}

const KIB = 1024;
const MIB = KIB * KIB;

/** The end of the name is the unit. A number without a unit is a count. */
export function quantity(name: string, value: number): string {
  if (name.endsWith("Bytes") && value % KIB === 0)
    return value % MIB === 0 ? `${value / MIB} MiB` : `${value / KIB} KiB`;
  if (name.endsWith("Bytes")) return `${value.toLocaleString("en-GB")} bytes`;
  if (name.endsWith("Hours")) return `${value} h`;
  if (name.endsWith("Ms")) return duration(value);
  return value.toLocaleString("en-GB");
}

function duration(ms: number): string {
  const units: [number, string][] = [
    [86_400_000, "days"],
    [3_600_000, "h"],
    [60_000, "min"],
    [1_000, "s"],
  ];
  const [size, unit] = units.find(([length]) => ms % length === 0 && ms / length > 1) ?? [1, "ms"];
  return `${ms / size} ${unit}`;
}
