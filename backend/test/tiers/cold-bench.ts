// Measures the load rate of the archive with one consumer per shard, as on Lambda: `node backend/test/tiers/cold-bench.ts
// [consumers] [events]`. Each consumer is a thread with its own tier and raw shard; the stores run in processes of their own. The
// events are created before the clock starts. The clock stops when the last consumer has stored its last event.
/* oxlint-disable unicorn/require-post-message-target-origin -- threads have no origin */

import { once } from "node:events";
import { loadavg } from "node:os";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { provisionAws } from "../../../local/index.ts";
import { dynamodbClient, s3Client } from "../../src/aws.ts";
import type { Config } from "../../src/config.ts";
import { ColdTier } from "../../src/tiers/cold/tier.ts";
import { freshName } from "./events.ts";
import { startParts } from "./parts.ts";
import { Shop } from "./shop.ts";

/** Number of events that a consumer loads at a time. */
const BATCH = 10_000;
/** Number of loads that are not counted, because of compilation and connections. */
const WARM_UP = 3;

async function consume({ config, events }: { config: Config; events: number }): Promise<void> {
  const stores = { dynamodb: dynamodbClient(config), s3: s3Client(config) };
  const tier = new ColdTier(stores);
  const shop = new Shop({ project: freshName("p"), rawShard: freshName("shardId"), perSecond: 20_000 });
  const batches = Array.from({ length: WARM_UP + Math.ceil(events / BATCH) }, () => shop.recent(BATCH));
  for (const batch of batches.slice(0, WARM_UP)) await tier.load(batch);
  parentPort?.postMessage("ready");
  await once(parentPort as NonNullable<typeof parentPort>, "message");
  for (const batch of batches.slice(WARM_UP)) await tier.load(batch);
  parentPort?.postMessage("done");
  stores.dynamodb.destroy();
  stores.s3.destroy();
}

async function measure(consumers: number, events: number): Promise<void> {
  const parts = await startParts();
  try {
    await provisionAws(parts.config);
    const data = { config: parts.config, events: events / consumers };
    const threads = Array.from({ length: consumers }, () => new Worker(import.meta.filename, { workerData: data }));
    const said = () => Promise.all(threads.map((thread) => once(thread, "message")));
    await said();
    const cpu = process.cpuUsage();
    const startedMs = performance.now();
    const done = said();
    for (const thread of threads) thread.postMessage("go");
    await done;
    const seconds = (performance.now() - startedMs) / 1_000;
    const { user, system } = process.cpuUsage(cpu);
    const stored = consumers * BATCH * Math.ceil(events / consumers / BATCH);
    const figure = (value: number) => Math.round(value).toLocaleString("en");
    console.log(
      `cold, ${consumers} consumers: ${figure(stored / seconds)} events/s, ${figure(stored / ((user + system) / 1e6))} per CPU-second (load average ${loadavg()[0]?.toFixed(1)})`,
    );
  } finally {
    await parts.stop();
  }
}

if (isMainThread) await measure(Number(process.argv[2] ?? 2), Number(process.argv[3] ?? 200_000));
else await consume(workerData as { config: Config; events: number });
