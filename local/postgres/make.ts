// A thread that creates a new database and ends. database.ts gives the reason.

import { workerData } from "node:worker_threads";
import { openFiles } from "./database.ts";

const database = await openFiles((workerData as { files: string }).files);
await database.exec("CHECKPOINT");
await database.close();
