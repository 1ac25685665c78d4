// A process that hosts functions. Its arguments are the names of the functions. DATA_DIR is the folder of the checkpoints.
// QUERY_PORT is the function URL's port. FUNCTIONS_DIR names another folder of handlers, and FUNCTION_TIMEOUT_MS another timeout
// for all of them. The supervisor sets ENDED_BY_ITSELF when this process replaces a process that ended without having been
// killed.

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { kinesisClient, s3Client } from "../backend/src/aws.ts";
import { readConfig, required } from "../backend/src/config.ts";
import { Isolation } from "./event-source/isolation.ts";
import { startFunctionHost } from "./function-host.ts";
import { announceReady } from "./supervised.ts";

const EXIT_FUNCTION_TIMEOUT = 75;

const report = (message: string, fields: Record<string, unknown>) =>
  console.error(JSON.stringify({ level: "warn", message, ...fields }));

const checkpointsFolder = join(process.env.DATA_DIR ?? ".data", "checkpoints");
const functions = process.argv.slice(2);
const underWayFolder = join(checkpointsFolder, "under-way", functions.join("+"));
const isolation = new Isolation(underWayFolder, process.env.ENDED_BY_ITSELF !== undefined);

// A client library may fail on a broken connection (postgres.js throws where no caller can catch the error). The process then
// ends. Records without a checkpoint are delivered again.
process.on("uncaughtException", (fault) => {
  console.error(fault);
  if (fault.stack?.includes("/node_modules/") === true) isolation.forget();
  process.exit(1);
});

const config = readConfig();
const kinesis = kinesisClient(config);
const s3 = s3Client(config);
const host = await startFunctionHost({
  functions,
  handlersFolder: process.env.FUNCTIONS_DIR ?? fileURLToPath(new URL("../backend/src/lambdas", import.meta.url)),
  checkpointsFolder,
  isolation,
  kinesis,
  s3,
  region: config.region,
  credentials: {
    accessKeyId: required(process.env.AWS_ACCESS_KEY_ID, "AWS_ACCESS_KEY_ID"),
    secretAccessKey: required(process.env.AWS_SECRET_ACCESS_KEY, "AWS_SECRET_ACCESS_KEY"),
  },
  urlPort: Number(process.env.QUERY_PORT ?? 0),
  ...(process.env.FUNCTION_TIMEOUT_MS === undefined
    ? {}
    : { streamTimeoutMs: Number(process.env.FUNCTION_TIMEOUT_MS) }),
  report,
  onTimeout: (problem) => {
    report("function never returned", { problem: problem.message });
    // A store that never answers looks the same as a record that never finishes.
    isolation.forget();
    process.exit(EXIT_FUNCTION_TIMEOUT);
  },
});
announceReady(host.url === undefined ? {} : { query: host.url }, async () => {
  await host.stop();
  kinesis.destroy();
  s3.destroy();
});
