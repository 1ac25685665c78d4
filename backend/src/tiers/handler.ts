// Makes a Lambda handler of a tier: connects its parts on the first invocation, and logs and counts every run.

import { s3Client } from "../aws.ts";
import { type Config, readConfig } from "../config.ts";
import { FailedEventStore } from "../failed/store.ts";
import type { StreamEvent, StreamHandler } from "../stream/event.ts";
import { asDataFault, asError, faultFields, isOwnFault, telemetryOf } from "../telemetry/index.ts";
import { type Consumed, type ConsumerParts, consumeRecords } from "./consumer.ts";
import type { Tier, TierName } from "./tier.ts";

export type StoreFailed = ConsumerParts["storeFailed"];

/** @param connect makes the tier from the configuration. It is called once per process, and not on import. */
export function tierHandler(
  name: TierName,
  connect: (config: Config, storeFailed: StoreFailed) => Tier,
): StreamHandler {
  const telemetry = telemetryOf(name);
  let parts: ConsumerParts | undefined;

  const wire = (): ConsumerParts => {
    const config = readConfig();
    const failedEvents = new FailedEventStore(s3Client(config));
    const storeFailed: StoreFailed = async (failed) => {
      // Each event is stored under its own id, which is the same if the event fails again in a batch with other bounds.
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
    telemetry.count({ ...result, ...(fault === null ? {} : { faults: 1 }) });
    telemetry.milliseconds("loadMs", performance.now() - startedAtMs);
    telemetry.publish();
    if (fault !== null) {
      telemetry.logger.warn("stopped by a fault; the rest is run again", {
        ...faultFields(fault),
        records: event.Records.length,
      });
    }
    return answerOf(event, { answer, result, fault });
  };
}

/**
 * If nothing was done, the fault is thrown again. An answer that names the first record would use up the record's attempts and
 * divert it because of an outage. A fault of the data or of our code is flagged, so that the mapping halves the batch until the
 * bad record is alone.
 */
function answerOf(event: StreamEvent, { answer, fault }: Consumed): Consumed["answer"] {
  const nothingDone = answer.batchItemFailures[0]?.itemIdentifier === event.Records[0]?.kinesis.sequenceNumber;
  if (fault === null || !nothingDone) return answer;
  throw isOwnFault(fault) ? asDataFault(fault) : asError(fault);
}
