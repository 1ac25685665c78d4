// Records every call from the Worker's environment to a shard, and sends requests through that environment.

import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { IngestResult } from "@behaviour/contract";
import type { Env } from "../../src/env.ts";
import type { AppendAnswer, WorkerReport } from "../../src/shard/append.ts";
import type { AppendCall } from "../../src/shard/append-call.ts";
import type { BufferShard } from "../../src/shard/shard.ts";
import worker from "../../src/worker.ts";
import { bearer, ORIGIN } from "../client.ts";

export type ShardCall = { shard: string } & (
  | { method: "append2"; call: AppendCall; answers: AppendAnswer[] }
  | { method: "report"; report: WorkerReport }
);

export interface Spied {
  env: Env;
  calls: ShardCall[];
  send(key: string, path: string, body: object): Promise<{ status: number; body: IngestResult & { code?: string } }>;
}

/** @param fails returns true if the report is to be lost in transit */
export function spiedEnv(fails: () => boolean = () => false): Spied {
  const calls: ShardCall[] = [];
  const through = (shard: string, stub: DurableObjectStub<BufferShard>) => ({
    append2: async (call: AppendCall) => {
      const answers = await stub.append2(call);
      calls.push({ shard, method: "append2", call, answers });
      return answers;
    },
    report: async (report: WorkerReport) => {
      calls.push({ shard, method: "report", report });
      if (fails()) throw new Error("the call was lost");
      return stub.report(report);
    },
    isWatched: () => stub.isWatched(),
  });
  const SHARD = {
    idFromName: (name: string) => env.SHARD.idFromName(name),
    get: (id: DurableObjectId) => through(id.name ?? "", env.SHARD.get(id)),
  };
  const spied: Env = { ...env, SHARD: SHARD as unknown as Env["SHARD"] };
  return {
    env: spied,
    calls,
    send: async (key, path, body) => {
      const request = new Request(`${ORIGIN}${path}`, {
        method: "POST",
        headers: bearer(key),
        body: JSON.stringify(body),
      });
      // The runtime's own requests have more fields. The fields that the Worker reads are present.
      const incoming = request as Request<unknown, IncomingRequestCfProperties>;
      const answer = await worker.fetch(incoming, spied, createExecutionContext());
      return { status: answer.status, body: await answer.json() };
    },
  };
}
