// Ends the processes that an earlier start with the same data folder left behind. If the supervisor and a child are killed at the
// same time, a grandchild (workerd) still holds the port and the files. The caller holds the folder's lock, so no process of a
// living start is affected.

import { readdirSync, readFileSync } from "node:fs";

/** Every child has this variable in its environment and passes it on. */
export const FOLDER_MARK = "BEHAVIOUR_DATA_FOLDER";

/** Linux only, because other systems have no /proc. Resolves with the number of ended processes when they are gone. */
export async function endLeftovers(dataDir: string): Promise<number> {
  const pids = marked(dataDir);
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // The process has ended in the meantime.
    }
  }
  const deadlineMs = Date.now() + 5_000;
  while (pids.some(isAlive) && Date.now() < deadlineMs) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return pids.length;
}

/**
 * A zombie has closed its files when its last thread has ended. A process that has only released its memory has not closed them
 * yet.
 */
function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const isZombie = /^ [ZX]/.test(stat.slice(stat.lastIndexOf(")") + 1));
    return !isZombie || readdirSync(`/proc/${pid}/task`).length > 1;
  } catch {
    return false;
  }
}

function marked(dataDir: string): number[] {
  const mark = `${FOLDER_MARK}=${dataDir}`;
  let entries: string[];
  try {
    entries = readdirSync("/proc");
  } catch {
    return [];
  }
  const pids: number[] = [];
  for (const entry of entries) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    try {
      if (readFileSync(`/proc/${entry}/environ`, "utf8").split("\0").includes(mark)) pids.push(pid);
    } catch {
      // The process has ended, is a zombie (with an empty environment), or belongs to another user.
    }
  }
  return pids;
}
