// Carries out the redrives that were requested over HTTP, as a Lambda, every minute.

import { readConfig } from "../config.ts";
import { databaseClient } from "../database/client.ts";
import { connectRedriver } from "../redrive/connect.ts";
import { runRedriveRequests } from "../redrive/requests.ts";
import { scheduledHandler } from "../telemetry/index.ts";

let parts: ReturnType<typeof connect> | undefined;

export const handler = scheduledHandler("redrive", async (remainingMs) => {
  parts ??= connect();
  return { ...(await runRedriveRequests(parts.database, parts.redriver, remainingMs, Date.now)) };
});

function connect() {
  const config = readConfig();
  return { database: databaseClient(config), redriver: connectRedriver(config) };
}
