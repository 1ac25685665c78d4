// A process that provisions and ends. DATA_DIR is the folder for the development keys. All other settings come from `readConfig`.

import { join } from "node:path";
import { readConfig } from "../backend/src/config.ts";
import { provision } from "./provision.ts";

try {
  await provision(readConfig(), { keysFile: join(process.env.DATA_DIR ?? ".data", "dev-keys.json") });
} catch (fault) {
  console.error(fault);
  process.exit(1);
}
process.exit(0);
