// A tier as a Lambda on the enriched stream: wired on the first invocation, logged and counted.

import { Logger } from "@aws-lambda-powertools/logger";
import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";
import { s3Client } from "../aws.ts";
import { type Config, readConfig } from "../config.ts";
import { FailedEventStore } from "../failed/store.ts";
import type { StreamHandler } from "../lambdas/events.ts";
import { type ConsumerParts, consumeRecords } from "./consumer.ts";
import type { LoadResult, Tier, TierName } from "./tier.ts";

export type StoreFailed = ConsumerParts["storeFailed"];

/** @param connect makes the tier from the configuration; called once per process, not on import */
export function tierHandler(
  name: TierName,
  connect: (config: Config, storeFailed: StoreFailed) => Tier,
): StreamHandler {
  const logger = new Logger({ serviceName: name });
  const metrics = new Metrics({ namespace: "behaviour", serviceName: name });
  let parts: ConsumerParts | undefined;

  const wire = (): ConsumerParts => {
    const config = readConfig();
    const failedEvents = new FailedEventStore(s3Client(config));
    const storeFailed: StoreFailed = async (failed) => {
      // By the event's own id: it is the same when the event fails again in a batch that is cut differently.
      await failedEvents.storeAll(new Map(failed.map((event) => [event.id, [event]])));
    };
    return { tier: connect(config, storeFailed), storeFailed };
  };

  return async (event, context) => {
    parts ??= wire();
    const startedAtMs = performance.now();
    const { answer, result, fault } = await consumeRecords(parts, event.Records, () =>
      context.getRemainingTimeInMillis(),
    );
    if (fault !== null) {
      // Names of faults only: a message may quote what was sent.
      const faultName = fault instanceof Error ? fault.name : "unknown";
      logger.warn("stopped by a fault; the rest is run again", { fault: faultName, records: event.Records.length });
    }
    publish(metrics, result, performance.now() - startedAtMs);
    return answer;
  };
}

function publish(metrics: Metrics, result: LoadResult, durationMs: number): void {
  for (const [name, count] of Object.entries(result)) metrics.addMetric(name, MetricUnit.Count, count as number);
  metrics.addMetric("loadMs", MetricUnit.Milliseconds, Math.round(durationMs));
  metrics.publishStoredMetrics();
}
