// The cron sweeper: visits every shard that may hold rows, so that none depends on its own timers and alarms. DESIGN E4.

import type { Env } from "../env.ts";

const VISITS_AT_ONCE = 20;

export async function sweepShards(env: Env): Promise<void> {
  const directory = env.DIRECTORY.get(env.DIRECTORY.idFromName("shards"));
  const names = await directory.list();
  for (let start = 0; start < names.length; start += VISITS_AT_ONCE) {
    await Promise.all(names.slice(start, start + VISITS_AT_ONCE).map((name) => visit(name, env)));
  }
}

async function visit(name: string, env: Env): Promise<void> {
  try {
    const { rows } = await env.SHARD.get(env.SHARD.idFromName(name)).sweep();
    if (rows === 0) await env.DIRECTORY.get(env.DIRECTORY.idFromName("shards")).empty(name);
  } catch (fault) {
    // The next minute comes round; the others must be visited all the same.
    console.error(JSON.stringify({ level: "error", message: "sweep failed", fault: String(fault) }));
  }
}
