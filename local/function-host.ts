// Lambda on one machine. The host loads handlers by name and calls them: streams through event-source mappings, HTTP through a
// function URL, schedules through a timer. Each handler gets the same input that its trigger on AWS would give it.

import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { KinesisClient } from "@aws-sdk/client-kinesis";
import type { S3Client } from "@aws-sdk/client-s3";
import { STREAMS } from "@behaviour/contract";
import type { LambdaContext, StreamHandler } from "../backend/src/stream/event.ts";
import type { Isolation } from "./event-source/isolation.ts";
import { Mapping } from "./event-source/mapping.ts";
import { pause } from "./event-source/pause.ts";
import { DEFAULTS, type MappingSettings } from "./event-source/settings.ts";
import { type HttpHandler, startFunctionUrl } from "./function-url/server.ts";
import type { Credentials } from "./function-url/signature.ts";
import { installStreaming } from "./function-url/streaming.ts";

/** A scheduled function may run this many times its timeout. After that its process ends. */
const LATE_FACTOR = 5;

type ScheduledHandler = (event: object, context: LambdaContext) => Promise<unknown>;
type Trigger =
  | { kind: "stream"; settings: Pick<MappingSettings, "stream"> & Partial<MappingSettings> }
  | { kind: "url"; timeoutMs: number }
  | { kind: "schedule"; everyMs: number; timeoutMs: number };

/**
 * The trigger of each function. For freshness, the functions on the path to the hot tier poll the raw stream and the enriched
 * stream every 100 ms.
 */
export const TRIGGERS: Record<string, Trigger> = {
  process: { kind: "stream", settings: { stream: STREAMS.raw, pollIntervalMs: 100 } },
  hot: { kind: "stream", settings: { stream: STREAMS.enriched, pollIntervalMs: 100 } },
  warm: { kind: "stream", settings: { stream: STREAMS.enriched, pollIntervalMs: 500, batchWindowMs: 500 } },
  cold: { kind: "stream", settings: { stream: STREAMS.enriched, pollIntervalMs: 1_000, batchWindowMs: 2_000 } },
  query: { kind: "url", timeoutMs: 30_000 },
  maintain: { kind: "schedule", everyMs: 20_000, timeoutMs: 120_000 },
  reconcile: { kind: "schedule", everyMs: 60_000, timeoutMs: 60_000 },
  alert: { kind: "schedule", everyMs: 60_000, timeoutMs: 60_000 },
  redrive: { kind: "schedule", everyMs: 60_000, timeoutMs: 300_000 },
};

export interface FunctionHostOptions {
  /** Names from `triggers`. Each name is a file in the folder. */
  functions: readonly string[];
  handlersFolder: string;
  checkpointsFolder: string;
  isolation: Isolation;
  kinesis: KinesisClient;
  s3: S3Client;
  region: string;
  credentials: Credentials;
  /** Port of the function URL. With 0 a free port is chosen. */
  urlPort: number;
  triggers?: Record<string, Trigger>;
  /** Timeout for stream functions, in place of the default. */
  streamTimeoutMs?: number;
  report(message: string, fields: Record<string, unknown>): void;
  /** A function never returned. The process must end. */
  onTimeout(problem: Error): void;
}

export interface FunctionHost {
  /** Address of the function URL, if one of the functions has a function URL. */
  url: string | undefined;
  /** Waits for the invocations in progress and writes the checkpoints. */
  stop(): Promise<void>;
}

/** @throws when a handler's file is missing or exports no `handler`. */
export async function startFunctionHost(options: FunctionHostOptions): Promise<FunctionHost> {
  installStreaming();
  const triggers = options.triggers ?? TRIGGERS;
  const loaded = await Promise.all(
    options.functions.map(async (name) => {
      const trigger = triggers[name];
      if (trigger === undefined)
        throw new Error(`there is no function "${name}"; known: ${Object.keys(triggers).join(", ")}`);
      return { name, trigger, handler: await loadHandler(options.handlersFolder, name) };
    }),
  );
  let url: string | undefined;
  const stops: (() => Promise<void>)[] = [];
  for (const { name, trigger, handler } of loaded) {
    if (trigger.kind === "stream") {
      const functionTimeoutMs = options.streamTimeoutMs ?? DEFAULTS.functionTimeoutMs;
      const settings = { ...DEFAULTS, functionTimeoutMs, ...trigger.settings, consumer: name };
      const mapping = new Mapping(settings, handler as StreamHandler, options);
      stops.push(() => mapping.stop());
    } else if (trigger.kind === "url") {
      const { credentials, urlPort: port } = options;
      const { timeoutMs } = trigger;
      const server = await startFunctionUrl({
        functionName: name,
        handler: handler as HttpHandler,
        credentials,
        port,
        timeoutMs,
      });
      url = server.endpoint;
      stops.push(() => server.stop());
    } else {
      stops.push(startSchedule(name, handler as ScheduledHandler, trigger, options));
    }
  }
  return {
    url,
    stop: async () => {
      await Promise.all(stops.map((stop) => stop()));
    },
  };
}

async function loadHandler(folder: string, name: string): Promise<unknown> {
  const path = join(folder, `${name}.ts`);
  if (!existsSync(path)) throw new Error(`function "${name}" has no file ${path}`);
  const module = (await import(pathToFileURL(path).href)) as { handler?: unknown };
  if (typeof module.handler !== "function") throw new Error(`${path} exports no handler`);
  return module.handler;
}

function startSchedule(
  name: string,
  handler: ScheduledHandler,
  { everyMs, timeoutMs }: { everyMs: number; timeoutMs: number },
  options: FunctionHostOptions,
): () => Promise<void> {
  const stop = new AbortController();
  const runs = (async () => {
    while (!stop.signal.aborted) {
      await pause(everyMs, stop.signal);
      if (stop.signal.aborted) return;
      // The process must not end, and end the other functions with it, because a busy machine makes this function late. It ends
      // only when the function is very unlikely to return at all.
      const late = setTimeout(
        () => options.report("scheduled function is late", { function: name, timeoutMs }),
        timeoutMs,
      );
      const ended = LATE_FACTOR * timeoutMs;
      const overdue = setTimeout(() => options.onTimeout(new Error(`${name} ran for ${ended} ms`)), ended);
      const deadlineMs = Date.now() + timeoutMs;
      try {
        await handler(
          {},
          {
            functionName: name,
            awsRequestId: randomUUID(),
            getRemainingTimeInMillis: () => Math.max(0, deadlineMs - Date.now()),
          },
        );
      } catch (fault) {
        options.report("scheduled function failed", { function: name, problem: String(fault).slice(0, 300) });
      } finally {
        clearTimeout(late);
        clearTimeout(overdue);
      }
    }
  })();
  return async () => {
    stop.abort();
    await runs;
  };
}
