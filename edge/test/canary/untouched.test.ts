// Tests that no row contains text from beside the events of a body, or text that JSON.parse discards.

import { decodeFrame } from "@behaviour/contract";
import { describe, expect, it } from "vitest";
import { bearer, goodEvent, send } from "../client.ts";
import { newKey, newProject } from "../keys.ts";
import { bytesOf, streamState, untilArrived } from "../servers/kinesis/stream.ts";

const MAIL = "canary-ada@example.com";
const CARD = "4111 1111 1111 1111";
const ADDRESS = "203.0.113.77";

const event = goodEvent();
const good = JSON.stringify(event).slice(1);

const BODIES: [string, string][] = [
  ["a member beside the batch", `{"note":"${MAIL}","batch":[{${good}]}`],
  ["an address beside the batch", `{"ip":"${ADDRESS}","batch":[{${good}]}`],
  ["the batch's integrations", `{"integrations":{"a":"${MAIL}"},"batch":[{${good}]}`],
  ["the batch's sentAt", `{"sentAt":"${MAIL}","batch":[{${good}]}`],
  ["a context that every event overrides", `{"context":{"a":{"b":"${CARD}"}},"batch":[{"context":{"a":1},${good}]}`],
  [
    "a context whose address every event overrides",
    `{"context":{"ip":"${ADDRESS}"},"batch":[{"context":{"ip":"x"},${good}]}`,
  ],
  ["a context that is merged", `{"context":{"a":{"ip":"${ADDRESS}","m":"${MAIL}","c":"${CARD}"}},"batch":[{${good}]}`],
  ["the first of two members (e-mail)", `{"batch":[{"traits":{"a":"${MAIL}"},"traits":{},${good}]}`],
  ["the first of two members (card)", `{"batch":[{"traits":{"a":"${CARD}"},"traits":{},${good}]}`],
  ["the first of two members (address)", `{"batch":[{"context":{"ip":"${ADDRESS}"},"context":{},${good}]}`],
  ["the first of two batches", `{"batch":["${MAIL}"],"batch":[{${good}]}`],
  ["an unknown field", `{"batch":[{"channel":"${MAIL}","sequence":"${CARD}","ip":"${ADDRESS}",${good}]}`],
  ["integrations", `{"batch":[{"integrations":{"a":["${CARD}"]},${good}]}`],
  ["the timestamp", `{"batch":[{"timestamp":"${MAIL}",${good}]}`],
  ["keys", `{"batch":[{"a${MAIL}":1,"context":{"${CARD}":{"b":{"${MAIL}":1}}},${good}]}`],
];

async function storedText(project: string): Promise<string> {
  const { arrived } = await streamState(project);
  return arrived.flatMap((record) => [...decodeFrame(bytesOf(record))].map(({ text }) => text)).join("\n");
}

describe("stored bodies", () => {
  it.each(BODIES)("contain no part of %s", async (_place, body) => {
    const project = newProject("untouched");
    const key = await newKey({ project });
    const answer = await send("/v1/batch", { body, headers: bearer(key) });
    expect(answer.body).toMatchObject({ accepted: 1 });
    expect(JSON.stringify(answer.body)).not.toMatch(/canary|4111|0\.113\.77/);
    await untilArrived(project, [event.messageId]);
    const stored = await storedText(project);
    expect(stored).toContain(event.messageId);
    expect(stored).not.toMatch(/canary|4111|0\.113\.77/);
  });

  it.each([
    ["a context", `"context":{"a":"1 of 2"}`, ""],
    ["a harmless @", `"sentAt":null`, `,"channel":"1 @ 2"`],
  ])("are unchanged if there is nothing to remove: %s", async (_case, beside, field) => {
    const project = newProject("untouched");
    const key = await newKey({ project });
    const body = `{ "batch":[ {${good.slice(0, -1)}${field}}  ], ${beside}}`;
    await send("/v1/batch", { body, headers: bearer(key) });
    await untilArrived(project, [event.messageId]);
    expect(await storedText(project)).toContain(body);
  });
});
