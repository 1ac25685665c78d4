// Load rates of the tiers on the embedded parts, printed: `node test/tiers/bench.ts [events]`. Beside the warm tier the bare
// statement it is built on, into the same table without checkpoint or look-ups: what it could be at best.

import type { EnrichedEvent } from "@behaviour/contract";
import { connect } from "../../src/database/client.ts";
import { columnArrays, INSERT_EVENTS } from "../../src/tiers/warm/rows.ts";
import { freshName, runOf } from "./events.ts";
import { openStores, tiersUnderTest } from "./stores.ts";

const EVENTS = Number(process.argv[2] ?? 20_000);
const BATCH = 5_000;

const stores = await openStores();

async function measure(
  name: string,
  load: (batch: ReturnType<typeof runOf>) => Promise<unknown>,
  fields: Partial<EnrichedEvent> = {},
): Promise<void> {
  const names = { project: freshName("p"), rawShard: freshName("shardId") };
  await load(runOf({ ...names, count: 100 }));
  let ms = 0;
  for (let first = 101; first <= EVENTS; first += BATCH) {
    const batch = runOf({ ...names, count: BATCH, first, fields });
    const startedAtMs = performance.now();
    await load(batch);
    ms += performance.now() - startedAtMs;
  }
  console.log(`${name.padEnd(16)} ${Math.round((EVENTS - 100) / (ms / 1_000)).toLocaleString("en")} events/s`);
}

const sql = connect(stores.url, 1);
await measure("bare unnest", (batch) => sql.unsafe(INSERT_EVENTS, columnArrays(batch)));
await sql.end();
for (const tier of tiersUnderTest(() => stores)) {
  const opened = tier.open();
  await measure(tier.name, (batch) => opened.load(batch));
  // After an outage everything is old, and looked up first.
  const hourAgoMs = Date.now() - 3_600_000;
  const late = { receivedAtMs: hourAgoMs, timeMs: hourAgoMs, suspect: true };
  await measure(`${tier.name}, suspects`, (batch) => opened.load(batch), late);
}
await stores.stop();
