// Consumes the raw stream, as a Lambda (enhanced fan-out, one invocation per shard at a time, ReportBatchItemFailures). Connects
// the pipeline once per process, and counts. The stages of an event are in ../process/pipeline.ts.

import { readConfig } from "../config.ts";
import { connectProcessor } from "../process/connect.ts";
import { processRecords } from "../process/pipeline.ts";
import { rawRecord } from "../process/record.ts";
import type { StreamHandler } from "../stream/event.ts";
import { asDataFault, faultFields, isOwnFault, telemetryOf } from "../telemetry/index.ts";

const telemetry = telemetryOf("process");

let parts: ReturnType<typeof connectProcessor> | undefined;

export const handler: StreamHandler = async (event, context) => {
  // On the first invocation, not on import: a missing variable then fails a call with an error that names the variable.
  parts ??= connectProcessor(readConfig());
  const startedMs = performance.now();
  const readAtMs = parts.nowMs();
  const records = event.Records.map((record) => rawRecord(record, readAtMs));
  try {
    const { counts, resumeAt, fault } = await processRecords(parts, records, () => context.getRemainingTimeInMillis());
    const planFaults = parts.plans.takeFaults();
    telemetry.count({ ...counts, planFaults, ...(fault === null ? {} : { faults: 1 }) });
    if (fault !== null) {
      const where = { rawShard: records[0]?.rawShard, resumeAt };
      telemetry.logger.warn("stopped by a fault; the rest is run again", { ...faultFields(fault), ...where });
    }
    return { batchItemFailures: resumeAt === null ? [] : [{ itemIdentifier: resumeAt }] };
  } catch (fault) {
    // Nothing was done. An outage delays the batch and blames no record. A fault of our code or of the data bisects the batch.
    telemetry.count({ faults: 1 });
    telemetry.logger.warn("nothing was processed", faultFields(fault));
    throw isOwnFault(fault) ? asDataFault(fault) : fault;
  } finally {
    telemetry.milliseconds("processMs", performance.now() - startedMs);
    telemetry.publish();
  }
};
