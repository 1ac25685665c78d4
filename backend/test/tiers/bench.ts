// Prints the load rates of the tiers: `node test/tiers/bench.ts [events]`. The embedded stores run in processes of their own.
// It prints two figures: by the clock, which includes the stores and other work of this machine, and by this process's CPU time,
// which is the loader's own cost. The warm tier and its bare statement alternate batch by batch, so that both run under the same
// conditions. Their ratio is the result that matters.

import { setTimeout } from "node:timers/promises";
import type { EnrichedEvent } from "@behaviour/contract";
import { provisionAws } from "../../../local/index.ts";
import { dynamodbClient, s3Client } from "../../src/aws.ts";
import { connect } from "../../src/database/client.ts";
import { migrateDatabase } from "../../src/database/migrate.ts";
import { encodeEvents } from "../../src/tiers/cold/parquet.ts";
import { ColdTier } from "../../src/tiers/cold/tier.ts";
import { HotTier } from "../../src/tiers/hot/tier.ts";
import { eventInsert } from "../../src/tiers/warm/rows.ts";
import { WarmTier } from "../../src/tiers/warm/tier.ts";
import { freshName } from "./events.ts";
import { startParts } from "./parts.ts";
import { Shop } from "./shop.ts";

const EVENTS = Number(process.argv[2] ?? 100_000);
const BATCH = 5_000;
/** Number of loads that are not counted, because of compilation, connections and chunks. */
const WARM_UP = 3;

type Load = (batch: readonly EnrichedEvent[]) => Promise<unknown>;

class Rate {
  readonly #name: string;
  #events = 0;
  #clockMs = 0;
  #cpuMs = 0;
  #loads = 0;

  constructor(name: string) {
    this.#name = name;
  }

  async measure(load: Load, batch: readonly EnrichedEvent[]): Promise<void> {
    const cpu = process.cpuUsage();
    const startedMs = performance.now();
    await load(batch);
    const clockMs = performance.now() - startedMs;
    const { user, system } = process.cpuUsage(cpu);
    if (this.#loads++ < WARM_UP) return;
    this.#events += batch.length;
    this.#clockMs += clockMs;
    this.#cpuMs += (user + system) / 1_000;
  }

  get perSecond(): number {
    return this.#events / (this.#clockMs / 1_000);
  }

  print(): void {
    const perCpuSecond = this.#events / (this.#cpuMs / 1_000);
    const figure = (value: number) => Math.round(value).toLocaleString("en").padStart(9);
    console.log(`${this.#name.padEnd(24)}${figure(this.perSecond)} events/s${figure(perCpuSecond)} per CPU-second`);
  }
}

const parts = await startParts();
await Promise.all([provisionAws(parts.config), migrateDatabase(parts.config.databaseUrl ?? "")]);
const sql = connect(parts.config.databaseUrl ?? "", 1);
const stores = { dynamodb: dynamodbClient(parts.config), s3: s3Client(parts.config) };
const storeFailed = async () => undefined;
const [hot, warm, cold] = [new HotTier(stores), new WarmTier({ sql, storeFailed }), new ColdTier(stores)];
const hotWithProfiles = new HotTier({ ...stores, profiles: true });
const bare: Load = (batch) => {
  const { statement, columns } = eventInsert(batch);
  return sql.unsafe(statement, columns, { prepare: true });
};
const late = (events: EnrichedEvent[]) => events.map((event) => ({ ...event, suspect: true }));

async function compare(subjects: readonly [string, Load][], change = (events: EnrichedEvent[]) => events) {
  const rates = subjects.map(([name]) => new Rate(name));
  const shops = subjects.map(
    () => new Shop({ project: freshName("p"), rawShard: freshName("shardId"), perSecond: 2_000 }),
  );
  for (let done = -WARM_UP * BATCH; done < EVENTS; done += BATCH) {
    for (const [index, [, load]] of subjects.entries()) {
      await rates[index]?.measure(load, change(shops[index]?.recent(BATCH) ?? []));
    }
    // Remaining work of the emulators must not be counted for the next subject.
    await setTimeout(20);
  }
  for (const rate of rates) rate.print();
  return rates;
}

const [unnest, warmRate] = await compare([
  ["bare unnest", bare],
  ["warm", (batch) => warm.load(batch)],
]);
console.log(`warm / bare unnest      ${((warmRate?.perSecond ?? 0) / (unnest?.perSecond ?? 1)).toFixed(2)}`);
await compare([
  ["Parquet alone", async (batch) => encodeEvents(batch)],
  ["cold", (batch) => cold.load(batch)],
  ["hot", (batch) => hot.load(batch)],
  ["hot with profiles", (batch) => hotWithProfiles.load(batch)],
]);
// After an outage every event is old, and is looked up first.
await compare(
  [
    ["warm, suspects", (batch) => warm.load(batch)],
    ["cold, suspects", (batch) => cold.load(batch)],
    ["hot, suspects", (batch) => hot.load(batch)],
  ],
  late,
);
await sql.end();
stores.dynamodb.destroy();
stores.s3.destroy();
await parts.stop();
