// A stream function for the tests. It records its input and does what the data tell it to do. Runs in a function host.

import { appendFileSync } from "node:fs";
import type { StreamHandler } from "../../../backend/src/stream/event.ts";

export const handler: StreamHandler = async (event) => {
  const seen = event.Records.map((record) => Buffer.from(record.kinesis.data, "base64").toString("utf8"));
  if (seen.some((text) => text.endsWith("end-process"))) process.abort();
  // Slow enough that a kill hits it during work.
  await new Promise((resolve) => setTimeout(resolve, 5));
  appendFileSync(process.env.RECORDER_FILE as string, seen.map((text) => `${text}\n`).join(""));
  if (seen.includes("never-return")) await new Promise(() => undefined);
  return { batchItemFailures: [] };
};
