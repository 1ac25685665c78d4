/// <reference path="../../../local/emulators/modules.d.ts" />
// Starts the servers in Node, once for all test files: one real Kinesis emulator per region, each behind a proxy that can fail on
// command, and a query backend with scripted answers.

import { STREAMS } from "@behaviour/contract";
import type { TestProject } from "vitest/node";
import { startKinesis } from "../../../local/emulators/kinesis.ts";
import { startQueryBackend } from "./backend/server.ts";
import { callKinesis, startFaultyKinesis } from "./kinesis/proxy.ts";

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const [primary, secondary] = await Promise.all([startRegion(), startRegion()]);
  const backend = await startQueryBackend();
  project.provide("kinesisEndpoint", primary.endpoint);
  project.provide("secondaryKinesisEndpoint", secondary.endpoint);
  project.provide("queryEndpoint", backend.endpoint);
  project.provide("chaos", process.env.CHAOS === "full" ? "full" : "short");
  return async () => {
    await Promise.all([primary.stop(), secondary.stop(), backend.stop()]);
  };
}

async function startRegion(): Promise<{ endpoint: string; stop: () => Promise<void> }> {
  const kinesis = await startKinesis({});
  await callKinesis(kinesis.endpoint, "CreateStream", { StreamName: STREAMS.raw, ShardCount: 2 });
  const faulty = await startFaultyKinesis(kinesis.endpoint);
  return {
    endpoint: faulty.endpoint,
    stop: async () => {
      await faulty.stop();
      await kinesis.stop();
    },
  };
}

declare module "vitest" {
  interface ProvidedContext {
    kinesisEndpoint: string;
    /** Shards use it only if a test configures it (shard/two-regions.test.ts). */
    secondaryKinesisEndpoint: string;
    queryEndpoint: string;
    /** The size of the tests that run longer than a minute. */
    chaos: "short" | "full";
  }
}
