// Lambda: the raw stream's consumer (enhanced fan-out, one invocation per shard at a time, ReportBatchItemFailures). Wires
// the pipeline once per process and counts; what happens to an event is in ../process/pipeline.ts.

import { readConfig } from "../config.ts";
import { connectProcessor } from "../process/connect.ts";
import { processRecords } from "../process/pipeline.ts";
import { rawRecord } from "../process/record.ts";
import type { StreamHandler } from "../stream/event.ts";
import { asDataFault, faultFields, isOwnFault, telemetryOf } from "../telemetry/index.ts";

const telemetry = telemetryOf("process");

let parts: ReturnType<typeof connectProcessor> | undefined;

export const handler: StreamHandler = async (event, context) => {
  // On the first invocation, not on import: a missing variable is then an error with a name, of a call.
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
    // Nothing was done. An outage delays and blames no record; a fault of ours or of the data is looked for by halving.
    telemetry.count({ faults: 1 });
    telemetry.logger.warn("nothing was processed", faultFields(fault));
    throw isOwnFault(fault) ? asDataFault(fault) : fault;
  } finally {
    telemetry.milliseconds("processMs", performance.now() - startedMs);
    telemetry.publish();
  }
};
