// The requests that the load generator sends, checked without a server.

import { expect, it } from "vitest";
import { readOptions } from "./bench-options.ts";
import { EventSource, LOAD_KINDS, newRun, RequestTemplate, sequenceOf } from "./events.ts";
import { readMix } from "./mix.ts";

interface SentEvent {
  type: string;
  messageId: string;
  timestamp: string;
  anonymousId: string;
  userId?: string | null;
}

const to = { host: "127.0.0.1:1", key: "pk_live_key" };

function sent(bytes: Buffer): { path: string; events: SentEvent[]; lengthIsRight: boolean } {
  const text = bytes.toString("latin1");
  const bodyAt = text.indexOf("\r\n\r\n") + 4;
  const body = JSON.parse(text.slice(bodyAt)) as { batch?: SentEvent[] } & SentEvent;
  const length = Number(/Content-Length: (\d+)/.exec(text)?.[1]);
  return {
    path: text.split(" ", 2)[1] as string,
    events: body.batch ?? [body],
    lengthIsRight: length === bytes.length - bodyAt,
  };
}

it("the mix consists of events as websites send them", () => {
  const events = readMix();
  const share = (type: string) => events.filter((event) => event.type === type).length / events.length;
  expect(events).toHaveLength(400);
  expect([share("track"), share("page"), share("identify")]).toEqual([0.54, 0.38, 0.08]);
  expect(new Set(events.map(({ anonymousId }) => anonymousId)).size).toBe(389);
  const withMail = events.filter(({ traits }) => (traits as { email?: string })?.email?.endsWith("@example.com"));
  expect(withMail).toHaveLength(32);
});

it.each(LOAD_KINDS)("%s: each stamp makes new events from the same bytes, of 870 on average", (load) => {
  const run = newRun();
  const source = new EventSource(load);
  let bytes = 0;
  for (const batch of [1, 20, 100]) {
    const template = new RequestTemplate(source, { ...to, batch, run, oneDevice: false });
    for (const first of [0, 1_000_000]) {
      const now = new Date();
      const { path, events, lengthIsRight } = sent(template.stamp(first, now));
      expect(path).toBe(batch === 1 ? `/v1/${events[0]?.type}` : "/v1/batch");
      expect(lengthIsRight).toBe(true);
      expect(events.map(({ messageId }) => sequenceOf(messageId, run))).toEqual(events.map((_, i) => first + i));
      expect(new Set(events.map(({ timestamp }) => timestamp))).toEqual(new Set([now.toISOString()]));
      if (batch === 100) bytes = JSON.stringify(events).length / batch;
    }
  }
  expect(bytes).toBeGreaterThan(820);
  expect(bytes).toBeLessThan(920);
  expect(sequenceOf(`ajs-next-1795400000000-${crypto.randomUUID()}`, run)).toBeNull();
});

it("a batch of one device names one device and one user, other batches as many as the mix has", () => {
  const source = new EventSource("mix");
  const devicesOf = (oneDevice: boolean) => {
    const { events } = sent(new RequestTemplate(source, { ...to, batch: 20, run: newRun(), oneDevice }).bytes);
    return new Set(events.map(({ anonymousId, userId }) => `${anonymousId} ${userId}`)).size;
  };
  expect(devicesOf(true)).toBe(1);
  expect(devicesOf(false)).toBeGreaterThan(10);
});

it("the command line: defaults, and refused values", () => {
  expect(readOptions([])).toMatchObject({ load: "mix", shards: 1, isolates: 1, batches: [1, 20, 100] });
  expect(readOptions(["--shards", "16", "--isolates", "8", "--load", "track"])).toMatchObject({
    load: "track",
    shards: 16,
    isolates: 8,
  });
  expect(readOptions(["--help"])).toBe("help");
  for (const [args, named] of [
    [["--load", "other"], /--load takes mix or track/],
    [["--shards", "0"], /--shards/],
    [["--isolates", "1.5"], /--isolates/],
    [["--batch", "1,x"], /--batch/],
  ] as const) {
    expect(() => readOptions([...args])).toThrow(named);
  }
});
