// Sets up the telemetry of every Lambda in one place: structured logs, EMF metrics, and faults without their messages, which
// may quote a client's data. The handlers in ../lambdas only connect parts and count.

import { Logger } from "@aws-lambda-powertools/logger";
import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";
import type { LambdaContext } from "../stream/event.ts";

const NAMESPACE = "behaviour";

export interface Telemetry {
  logger: Logger;
  /** Adds counts; `publish` writes them as one EMF line. */
  count(counts: Readonly<Record<string, number>>): void;
  milliseconds(name: string, durationMs: number): void;
  seconds(name: string, seconds: number): void;
  publish(): void;
}

/** @param service the function's name; a dimension of every metric */
export function telemetryOf(service: string): Telemetry {
  const logger = new Logger({ serviceName: service });
  const metrics = new Metrics({ namespace: NAMESPACE, serviceName: service });
  return {
    logger,
    count: (counts) => {
      for (const [name, value] of Object.entries(counts)) metrics.addMetric(name, MetricUnit.Count, value);
    },
    milliseconds: (name, durationMs) => metrics.addMetric(name, MetricUnit.Milliseconds, Math.round(durationMs)),
    seconds: (name, seconds) => metrics.addMetric(name, MetricUnit.Seconds, Math.round(seconds)),
    publish: () => metrics.publishStoredMetrics(),
  };
}

/** Class and code of a fault or of its cause, and the fault's origin; never its message. */
export function faultFields(fault: unknown): Record<string, unknown> {
  const cause = fault instanceof Error && fault.cause instanceof Error ? fault.cause : fault;
  const code: unknown = typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined;
  const at = fault instanceof Error ? fault.stack?.split("\n").find((line) => line.startsWith("    at ")) : undefined;
  return {
    fault: cause instanceof Error ? cause.name : typeof cause,
    ...(typeof code === "string" ? { code } : {}),
    ...(at === undefined ? {} : { at: at.trim() }),
  };
}

const BUG_CLASSES = [TypeError, RangeError, ReferenceError, SyntaxError];
/** AWS refuses the request itself: the same request is refused again, however long it waits. */
const REFUSED_REQUESTS: ReadonlySet<string> = new Set([
  "ValidationException",
  "ItemCollectionSizeLimitExceededException",
  "InvalidArgumentException",
  "InvalidRequest",
  "EntityTooLarge",
  "KeyTooLongError",
]);

/**
 * Whether a fault is of our code or of the data. The same records would meet it again; a fault of the environment passes.
 * The database driver throws its own TypeError when a connection breaks during a write. That fault passes, too.
 */
export function isOwnFault(fault: unknown): boolean {
  if (fault instanceof Error && REFUSED_REQUESTS.has(fault.name)) return true;
  if (!BUG_CLASSES.some((bug) => fault instanceof bug)) return false;
  const code: unknown = (fault as Error & { code?: unknown }).code;
  const origin = (fault as Error).stack?.split("\n").find((line) => line.startsWith("    at ")) ?? "";
  return typeof code !== "string" && !origin.includes("/node_modules/");
}

/** An Error to throw, because a caught value may be anything. */
export function asError(fault: unknown): Error {
  return fault instanceof Error ? fault : new Error("a fault that is no error", { cause: fault });
}

/** Makes the event-source mapping search for the bad record, rather than wait. */
export function asDataFault(fault: unknown): Error {
  return Object.assign(asError(fault), { dataFault: true });
}

/** A function on a schedule. @returns counts, which become metrics. */
export type ScheduledWork = (
  remainingMs: () => number,
  telemetry: Telemetry,
) => Promise<Readonly<Record<string, number>>>;

/**
 * The handler of a scheduled function. The fault of a failed run is logged, counted, and rethrown, so that the scheduler sees it.
 * The next run starts from the stored state.
 */
export function scheduledHandler(
  service: string,
  work: ScheduledWork,
): (event: unknown, context: LambdaContext) => Promise<void> {
  const telemetry = telemetryOf(service);
  return async (_event, context) => {
    const startedMs = performance.now();
    try {
      telemetry.count(await work(() => context.getRemainingTimeInMillis(), telemetry));
    } catch (fault) {
      telemetry.count({ faults: 1 });
      telemetry.logger.error("a scheduled run failed", faultFields(fault));
      throw fault;
    } finally {
      telemetry.milliseconds("durationMs", performance.now() - startedMs);
      telemetry.publish();
    }
  };
}
