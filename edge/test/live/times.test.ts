// Tests that the live tail shows an event's own corrected time, as it is stored, not the earliest possible time of a duplicate.

import { afterEach, expect, it } from "vitest";
import type { LiveMessage } from "../../src/live/message.ts";
import { bearer, goodEvent, send } from "../client.ts";
import { newKey, newProject } from "../keys.ts";
import { Watching } from "./watching.ts";

let watching: Watching | null = null;
afterEach(() => watching?.close());

const AT_MS = Date.now() - 3 * 3_600_000;
const DAY_MS = 86_400_000;

it.each([
  ["no time: that of its receipt", {}, {}, (receivedAtMs: number) => receivedAtMs],
  ["a time and no sentAt", {}, { timestamp: AT_MS }, () => AT_MS],
  ["a time that is none", {}, { timestamp: "soon" }, (receivedAtMs: number) => receivedAtMs],
  [
    "a clock that is a day behind",
    { sentAt: AT_MS - DAY_MS },
    { timestamp: AT_MS - DAY_MS - 1_000 },
    (receivedAtMs: number) => receivedAtMs - 1_000,
  ],
])("of an event with %s", async (_name, batch, event, expected) => {
  const project = newProject("times");
  watching = await Watching.open(bearer(await newKey({ project, kind: "secret" })));
  const body = { ...batch, batch: [goodEvent(event)] };
  await send("/v1/batch", { body, headers: bearer(await newKey({ project })) });
  const [message] = (await watching.toHave(1)) as (LiveMessage & {
    event: { timestamp: string; receivedAt: string };
  })[];
  const receivedAtMs = Date.parse(message?.event.receivedAt ?? "");
  expect(Date.parse(message?.event.timestamp ?? "")).toBe(expected(receivedAtMs));
});
