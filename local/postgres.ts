// The process of the embedded database. DATA_DIR is the parent of the database's folder. POSTGRES_PORT is its port.

import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { startPostgres } from "./postgres/server.ts";
import { announceReady } from "./supervised.ts";

const EXIT_ENGINE_FAILED = 70;
// Compiling the engine on every core at once leaves 100 MB behind. The flag is set here, because a flag on the command line makes
// Node use a separate compile cache.
setFlagsFromString("--wasm-num-compilation-tasks=1");

try {
  const database = await startPostgres({
    dataDir: join(process.env.DATA_DIR ?? ".data", "postgres"),
    port: Number(process.env.POSTGRES_PORT ?? 0),
    onBroken: (fault) => {
      console.error(`database engine failed: ${fault instanceof Error ? fault.message : String(fault)}`);
      // The last messages to the clients need a moment to be sent.
      setTimeout(() => process.exit(EXIT_ENGINE_FAILED), 100);
    },
    report: (problem) => console.error(`${new Date().toISOString()} database: ${problem}`),
  });
  announceReady({ database: database.url }, () => database.stop());
} catch (fault) {
  console.error(`embedded database: ${fault instanceof Error ? fault.message : String(fault)}`);
  process.exit(1);
}
