// Runs tables of requests and expected answers. After each row a good event is sent, which must be accepted, and in the end all
// good events must be on the stream. So no input may affect later requests.

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
  /** Expects that a good event is accepted now, and that it is on the stream in the end. */
  expectGoodEventTaken(): Promise<void>;
  /** Expects the event with these fields on the stream when the table is done. */
  expectStored(messageId: string, fields: Record<string, unknown>): void;
  /** Expects that the event is not on the stream when the table is done. */
  expectNotStored(messageId: string): void;
}

/**
 * By project, the ids of all events that must be stored, for tests that run the tables over more than the edge.
 * @public
 */
export const takenByProject = new Map<string, Set<string>>();

/** Call this once at the top of a test file. */
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

/** One event as it is sent, and its outcome. */
export interface EventRow {
  name: string;
  /** The event, or its JSON text. `ID` in a text is replaced by the messageId. */
  event: Record<string, unknown> | string;
  /** The expected rejection. If it is missing, the event must be accepted. */
  rejected?: [code: RejectionCode, pointer?: string];
  warnings?: [code: WarningCode, pointer?: string][];
  /** Fields of the stored event. */
  stored?: Record<string, unknown>;
}

/**
 * Each row is sent alone to `/v1/track`, then in a batch between two good events, with the same result for that event. The good
 * events also show that a bad event does not affect its neighbours.
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

/** One request and its answer. */
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
