// The memory of a tree of processes.

import { readFileSync } from "node:fs";
import { processTree } from "../harness/processes.ts";

export interface MemoryUse {
  processes: number;
  /** Pages that several processes share count once for each process. */
  residentBytes: number;
  /** Shared pages are divided among the processes that share them (PSS). This amount would be free if the tree ended. */
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
    return null; // The process ended while it was read.
  }
}

function kilobytes(rollup: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(rollup)?.[1] ?? 0);
}
