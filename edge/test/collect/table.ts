// Tables of requests and answers. After each row a good event is sent, which must be taken, and all of them must be on the
// stream in the end: no input may hurt what comes after it.

import type { ErrorCode, KeyRecord, RejectionCode, WarningCode } from "@behaviour/contract";
import { afterAll, beforeAll, expect, it } from "vitest";
import { bearer, expectConserved, goodEvent, type SendOptions, send } from "../client.ts";
import { newKey, newProject } from "../keys.ts";
import { untilArrived } from "../servers/kinesis/stream.ts";

export interface Table {
  readonly project: string;
  /** A public key without restrictions. */
  readonly publicKey: string;
  readonly secretKey: string;
  newKey(change?: Partial<KeyRecord>): Promise<string>;
  /** A good event is taken now, and will be looked for on the stream. */
  expectGoodEventTaken(): Promise<void>;
  /** Looked for on the stream when the table is done: what is stored, field by field. */
  expectStored(messageId: string, fields: Record<string, unknown>): void;
  /** Must not be on the stream when the table is done. */
  expectNotStored(messageId: string): void;
}

/**
 * By project, the ids of all that must be stored: for whoever runs the tables over more than the edge.
 * @public
 */
export const takenByProject = new Map<string, Set<string>>();

/** To be called once in a test file, at its top. */
export function useTable(name: string): Table {
  const project = newProject(name);
  const goodIds = new Set<string>();
  const stored = new Map<string, Record<string, unknown>>();
  const notStored: string[] = [];
  const keys = { publicKey: "", secretKey: "" };

  beforeAll(async () => {
    keys.publicKey = await newKey({ project });
    keys.secretKey = await newKey({ project, kind: "secret" });
  });

  afterAll(async () => {
    const taken = new Set([...goodIds, ...stored.keys()]);
    takenByProject.set(project, taken);
    const events = await untilArrived(project, taken);
    for (const [messageId, fields] of stored) expect(events.get(messageId)).toMatchObject(fields);
    const text = JSON.stringify([...events.values()]);
    expect(text.includes(keys.secretKey), "a secret key travelled on").toBe(false);
    for (const messageId of notStored) expect(events.has(messageId), `${messageId} was stored`).toBe(false);
  });

  return {
    project,
    get publicKey() {
      return keys.publicKey;
    },
    get secretKey() {
      return keys.secretKey;
    },
    newKey: (change = {}) => newKey({ project, ...change }),
    async expectGoodEventTaken() {
      const event = goodEvent();
      const answer = await send("/v1/track", { body: event, headers: bearer(keys.publicKey) });
      expect(answer.body).toMatchObject({ success: true, accepted: 1, rejected: [], warnings: [] });
      goodIds.add(event.messageId);
    },
    expectStored: (messageId, fields) => void stored.set(messageId, fields),
    expectNotStored: (messageId) => void notStored.push(messageId),
  };
}

/** One event as it is sent, and what becomes of it. */
export interface EventRow {
  name: string;
  /** The event, or the JSON text of it; `ID` in a text is replaced by the messageId. */
  event: Record<string, unknown> | string;
  /** Accepted, unless it is rejected. */
  rejected?: [code: RejectionCode, pointer?: string];
  warnings?: [code: WarningCode, pointer?: string][];
  /** Fields of the stored event. */
  stored?: Record<string, unknown>;
}

/**
 * Each row goes alone to `/v1/track`, then within a batch between two good ones, with the same result for that event; the
 * good ones are what is sent next after a bad one.
 */
export function eventTable(table: Table, rows: readonly EventRow[]): void {
  it.concurrent.each(rows)("$name", async (row) => {
    const alone = textOf(row.event);
    const single = await send("/v1/track", { body: alone.text, headers: bearer(table.publicKey) });
    expectConserved(single.body, 1);
    expectVerdict(single.body, row, 0);
    expect(single.status).toBe(row.rejected === undefined ? 200 : 400);
    if (row.rejected !== undefined) expect(single.body.code).toBe("all_events_rejected");

    const batched = textOf(row.event);
    const [before, after] = [goodEvent(), goodEvent()];
    const text = `{"batch":[${JSON.stringify(before)},${batched.text},${JSON.stringify(after)}]}`;
    const batch = await send("/v1/batch", { body: text, headers: bearer(table.publicKey) });
    expect(batch.status).toBe(200);
    expectConserved(batch.body, 3);
    expectVerdict(batch.body, row, 1);
    expect(batch.body.accepted).toBe(row.rejected === undefined ? 3 : 2);

    for (const { messageId } of [alone, batched]) {
      if (row.rejected !== undefined) table.expectNotStored(messageId);
      else if (row.stored !== undefined) table.expectStored(messageId, row.stored);
    }
    table.expectStored(before.messageId, before);
    table.expectStored(after.messageId, after);
  });
}

function expectVerdict(
  body: { rejected: object[]; warnings: object[] },
  { rejected, warnings = [] }: EventRow,
  index: number,
): void {
  const named = (code: string, pointer: string | undefined) => ({
    index,
    code,
    ...(pointer === undefined ? {} : { pointer }),
  });
  expect(body.rejected).toEqual(
    rejected === undefined ? [] : [expect.objectContaining(named(rejected[0], rejected[1]))],
  );
  if (rejected !== undefined) return;
  expect(body.warnings).toEqual(warnings.map(([code, pointer]) => expect.objectContaining(named(code, pointer))));
}

function textOf(event: Record<string, unknown> | string): { text: string; messageId: string } {
  const messageId = goodEvent().messageId;
  if (typeof event === "string") return { text: event.replaceAll("ID", messageId), messageId };
  const whole = { ...goodEvent({ messageId }), ...event };
  return { text: JSON.stringify(whole), messageId: whole.messageId };
}

/** One request, and its answer as a whole. */
export interface RequestRow extends SendOptions {
  name: string;
  path?: string;
  status: number;
  code?: ErrorCode;
  pointer?: string;
}

export function expectAnswer(
  answer: { status: number; body: { code?: ErrorCode; pointer?: string } },
  row: Pick<RequestRow, "status" | "code" | "pointer">,
): void {
  expect({ status: answer.status, code: answer.body.code, pointer: answer.body.pointer }).toEqual({
    status: row.status,
    code: row.code,
    pointer: row.pointer,
  });
}
