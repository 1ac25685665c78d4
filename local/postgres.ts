// The process of the embedded database. DATA_DIR: the folder above its own. POSTGRES_PORT: where it listens.

import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { startPostgres } from "./postgres/server.ts";
import { announceReady } from "./supervised.ts";

const EXIT_ENGINE_FAILED = 70;
// Compiling the engine on every core at once leaves 100 MB behind. Set here: a flag on the command line has a compile cache of
// its own.
setFlagsFromString("--wasm-num-compilation-tasks=1");

try {
  const database = await startPostgres({
    dataDir: join(process.env.DATA_DIR ?? ".data", "postgres"),
    port: Number(process.env.POSTGRES_PORT ?? 0),
    onBroken: (fault) => {
      console.error(`database engine failed: ${fault instanceof Error ? fault.message : String(fault)}`);
      // What clients are told on the way out gets a moment to leave.
      setTimeout(() => process.exit(EXIT_ENGINE_FAILED), 100);
    },
    report: (problem) => console.error(`${new Date().toISOString()} database: ${problem}`),
  });
  announceReady({ database: database.url }, () => database.stop());
} catch (fault) {
  console.error(`embedded database: ${fault instanceof Error ? fault.message : String(fault)}`);
  process.exit(1);
}
