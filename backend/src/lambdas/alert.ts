// Runs alerting as a Lambda, every minute. Evaluates every rule, then sends the due notifications. The next run does the rest.

import { deliverDue } from "../alerting/deliver.ts";
import { evaluateAlerts } from "../alerting/evaluate.ts";
import { alertServices } from "../alerting/services.ts";
import { readConfig } from "../config.ts";
import { databaseClient, sqlClient } from "../database/client.ts";
import { faultFields, scheduledHandler } from "../telemetry/index.ts";

const WEBHOOK_DEADLINE_MS = 10_000;
/** Part of the remaining time that is reserved for sending. */
const SENDING_MS = 25_000;

let parts: ReturnType<typeof connect> | undefined;

export const handler = scheduledHandler("alert", async (remainingMs, telemetry) => {
  parts ??= connect();
  const report = (fault: unknown, rule: string) =>
    telemetry.logger.error("a rule was not evaluated", { rule, ...faultFields(fault) });
  const evaluated = await evaluateAlerts({ ...parts, report }, () => remainingMs() - SENDING_MS);
  const { delivered, undelivered, givenUp } = await deliverDue(parts, remainingMs);
  const sent = { notificationsDelivered: delivered, notificationsFailed: undelivered, notificationsGivenUp: givenUp };
  return { ...evaluated, ...sent };
});

function connect() {
  const config = readConfig();
  return {
    sql: sqlClient(config),
    database: databaseClient(config),
    nowMs: Date.now,
    ...alertServices(config, WEBHOOK_DEADLINE_MS),
  };
}
