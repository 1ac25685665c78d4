// A group of processes with a memory limit in the kernel (cgroup v1 or v2). The kernel kills a process that needs more. Not every
// machine allows a test to create such a group.

import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface MemoryGroup {
  /** The file into which a process writes its id to join the group. */
  procs: string;
  /** The maximum since the group was created. Pages of files count too. The kernel drops them when there are too many. */
  peakMib(): number;
  /** Removes the group after its processes have ended. */
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

/** @returns null when the machine does not allow a group. */
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

/** A killed process stays in its group until its parent has received its exit status. */
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
