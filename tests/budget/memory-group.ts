// A group of processes that the kernel lets have so much memory and no more (cgroup v1 or v2): who needs more is ended. Not every
// machine lets a test make one.

import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface MemoryGroup {
  /** Where a process writes its id to join. */
  procs: string;
  /** At most since it was made, pages of files included, which the kernel drops when they are too many. */
  peakMib(): number;
  /** Once its processes have ended. */
  remove(): Promise<void>;
}

interface Layout {
  root: string;
  limit: string;
  peak: string;
}

const LAYOUTS: readonly Layout[] = [
  { root: "/sys/fs/cgroup/memory", limit: "memory.limit_in_bytes", peak: "memory.max_usage_in_bytes" },
  { root: "/sys/fs/cgroup", limit: "memory.max", peak: "memory.peak" },
];
const MIB = 1_024 * 1_024;

/** @returns null where none can be made. */
export function makeMemoryGroup(limitMib: number): MemoryGroup | null {
  for (const layout of LAYOUTS) {
    const dir = join(layout.root, `behaviour-budget-${process.pid}-${Date.now()}`);
    try {
      mkdirSync(dir);
    } catch {
      continue;
    }
    try {
      writeFileSync(join(dir, layout.limit), String(limitMib * MIB));
      return {
        procs: join(dir, "cgroup.procs"),
        peakMib: () => Number(readFileSync(join(dir, layout.peak), "utf8")) / MIB,
        remove: () => removeGroup(dir),
      };
    } catch {
      rmdirSync(dir);
    }
  }
  return null;
}

const TRIES = 100;
const TRY_EVERY_MS = 50;

/** A process that was killed is in its group until its parent has heard of it. */
async function removeGroup(dir: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      rmdirSync(dir);
      return;
    } catch (fault) {
      if (tries === TRIES) throw fault;
      await new Promise((resolve) => setTimeout(resolve, TRY_EVERY_MS));
    }
  }
}
