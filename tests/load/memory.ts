// What a tree of processes holds of the machine's memory.

import { readFileSync } from "node:fs";
import { processTree } from "../harness/processes.ts";

export interface MemoryUse {
  processes: number;
  /** Pages that several processes share count for each of them. */
  residentBytes: number;
  /** Shared pages divided among those who share them (PSS): what would be free if the tree ended. */
  proportionalBytes: number;
}

export function memoryOf(rootPid: number): MemoryUse {
  const use: MemoryUse = { processes: 0, residentBytes: 0, proportionalBytes: 0 };
  for (const { pid } of processTree(rootPid)) {
    const rollup = readRollup(pid);
    if (rollup === null) continue;
    use.processes++;
    use.residentBytes += kilobytes(rollup, "Rss") * 1024;
    use.proportionalBytes += kilobytes(rollup, "Pss") * 1024;
  }
  return use;
}

function readRollup(pid: number): string | null {
  try {
    return readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  } catch {
    return null; // Ended while it was looked at.
  }
}

function kilobytes(rollup: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(rollup)?.[1] ?? 0);
}
