// The wording of a value in the generated tables.

import { countText, sizeText } from "../contract/src/index.ts";

/** A vertical bar would end the cell, and a less-than sign could begin a tag. */
export function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
}

/** The end of the name is the unit. A number without a unit is a count. */
export function quantity(name: string, value: number): string {
  if (name.endsWith("Bytes")) return sizeText(value);
  if (name.endsWith("Hours")) return `${value} h`;
  if (name.endsWith("Ms")) return duration(value);
  return countText(value);
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
