// Serves `/v1/admin/redrive`: lists the batches of the failure destination, and requests a redrive. Batches contain events of
// many projects, so only the operator may do this: keys of a project that another project created are refused.

import type { Hono } from "hono";
import * as z from "zod/mini";
import type { Database } from "../database/client.ts";
import { endpoint, mount, type RecordAction } from "../operation/endpoint.ts";
import { integer, readJsonBody, readQuery } from "../operation/parameters.ts";
import { ok, type Result, refused } from "../operation/problem.ts";
import { isOperator } from "../projects/projects.ts";
import { listRedriveRequests, requestRedrive } from "./requests.ts";
import { CONSUMERS, type Undelivered, type UndeliveredBatch, type UnreadableBatch } from "./undelivered.ts";

export interface RedriveRouteParts {
  database: Database;
  undelivered: Pick<Undelivered, "keys" | "read">;
  record: RecordAction;
  nowMs: () => number;
}

/** Each listed batch is read to describe it. */
const LISTED_MAX = 50;

const ListParameters = z.object({ limit: z._default(integer(1, LISTED_MAX), LISTED_MAX) });
const RedriveInput = z.strictObject({ consumer: z.optional(z.enum(CONSUMERS)) });

const notTheOperator = (): Result<never> =>
  refused(
    "insufficient_scope",
    undefined,
    "Batches hold events of many projects: only the operator's keys may do this.",
  );

export function mountRedrive(app: Hono, { database, undelivered, record, nowMs }: RedriveRouteParts): void {
  mount(app, "/v1/admin/redrive", {
    GET: endpoint(record, {
      scope: "admin",
      action: "redrive.list",
      read: (c) => readQuery(c, ListParameters),
      answer: async ({ caller, input, audit }) => {
        if (!(await isOperator(database, caller.project))) return notTheOperator();
        await audit(input);
        const batches = [];
        for await (const key of undelivered.keys()) {
          if (batches.length >= input.limit) break;
          const batch = await undelivered.read(key);
          if (batch !== null) batches.push(toView(batch));
        }
        return ok({ data: { batches, requests: await listRedriveRequests(database) } });
      },
    }),
    POST: endpoint(record, {
      scope: "admin",
      action: "redrive.request",
      status: 201,
      read: async (c) => {
        const read = await readJsonBody(c, RedriveInput);
        return !read.ok && read.problem.code === "empty_body" ? ok(RedriveInput.parse({})) : read;
      },
      answer: async ({ caller, input, audit }) => {
        if (!(await isOperator(database, caller.project))) return notTheOperator();
        await audit(input);
        return ok({ data: await requestRedrive(database, input.consumer ?? null, caller.keyId, nowMs()) });
      },
    }),
  });
}

function toView(batch: UndeliveredBatch | UnreadableBatch) {
  if ("problem" in batch) return batch;
  const { key, consumer, shardId, condition, givenUpAt, records } = batch;
  return { key, consumer, shardId, condition, givenUpAt, records: records.length };
}
