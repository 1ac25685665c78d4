/// <reference path="../../backend/local/emulators/modules.d.ts" />
// Runs in Node, once for all test files: a real Kinesis emulator behind a proxy that can fail on command, and a query backend
// that answers what it was told to.

import { STREAMS } from "@behaviour/contract";
import type { TestProject } from "vitest/node";
import { startKinesis } from "../../backend/local/emulators/kinesis.ts";
import { startQueryBackend } from "./backend/server.ts";
import { callKinesis, startFaultyKinesis } from "./kinesis/proxy.ts";

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const kinesis = await startKinesis({});
  await callKinesis(kinesis.endpoint, "CreateStream", { StreamName: STREAMS.raw, ShardCount: 2 });
  const faulty = await startFaultyKinesis(kinesis.endpoint);
  const backend = await startQueryBackend();
  project.provide("kinesisEndpoint", faulty.endpoint);
  project.provide("queryEndpoint", backend.endpoint);
  project.provide("chaos", process.env.CHAOS === "full" ? "full" : "short");
  return async () => {
    await Promise.all([faulty.stop(), backend.stop()]);
    await kinesis.stop();
  };
}

declare module "vitest" {
  interface ProvidedContext {
    kinesisEndpoint: string;
    queryEndpoint: string;
    /** Sizes of what runs longer than a minute. */
    chaos: "short" | "full";
  }
}
