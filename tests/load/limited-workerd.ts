// The Worker in workerd with the limit that matters: V8's heap of each isolate is bounded as at Cloudflare, and the process ends
// when a heap grows beyond the bound. Memory that V8 does not count (bodies and buffers outside its heap) is visible in the
// process's resident memory.

import { readFileSync } from "node:fs";
import { type EdgeOptions, startEdge, type Workerd } from "./workerd.ts";

export interface LimitedEdge extends Workerd {
  /** Maximum memory of the whole process since its start. */
  peakMib(): number;
  residentMib(): number;
  /** Memory of the runtime itself, before the first request. */
  idleMib: number;
  /** False after an isolate has exceeded its limit. */
  isAlive(): boolean;
}

export async function startLimitedEdge({
  heapMib,
  ...options
}: EdgeOptions & { heapMib: number }): Promise<LimitedEdge> {
  const edge = await startEdge({ ...options, v8Flags: [`--max-heap-size=${heapMib}`] });
  return {
    ...edge,
    idleMib: memoryMib(edge.pid, "VmRSS"),
    peakMib: () => memoryMib(edge.pid, "VmHWM"),
    residentMib: () => memoryMib(edge.pid, "VmRSS"),
    isAlive: () => memoryMib(edge.pid, "VmRSS") > 0,
  };
}

/** 0 when the process has ended. */
function memoryMib(pid: number, field: "VmRSS" | "VmHWM"): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0) / 1_024;
  } catch {
    return 0;
  }
}
