// Ends what an earlier start of the same data folder left behind: its supervisor and a child were killed at once, and a
// grandchild (workerd) still holds the port and the files. Called with the folder's lock held, so no living start is meant.

import { readdirSync, readFileSync } from "node:fs";

/** Every child carries it in its environment, and passes it on. */
export const FOLDER_MARK = "BEHAVIOUR_DATA_FOLDER";

/** Linux only: elsewhere there is no /proc to look into. Resolves with how many were ended, when they are gone. */
export async function endLeftovers(dataDir: string): Promise<number> {
  const pids = marked(dataDir);
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // Gone meanwhile.
    }
  }
  const deadlineMs = Date.now() + 5_000;
  while (pids.some(isAlive) && Date.now() < deadlineMs) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return pids.length;
}

/** A zombie has closed its files once its last thread is gone; one that merely lost its memory has not yet. */
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
      // Ended, a zombie (whose environment is empty), or another user's.
    }
  }
  return pids;
}
