// Tests raw shard names. Checkpoints are keyed by the name: if two streams shared one, the events of the second would pass for
// copies of the first's.

import { describe, expect, it } from "vitest";
import { arnOf } from "../../../local/event-source/mapping.ts";
import type { StreamRecord } from "../../src/stream/event.ts";
import { shardOf } from "../../src/stream/shard-name.ts";

function nameIn(eventSourceARN: string): string {
  return shardOf({ eventID: "shardId-000000000000:4964", eventSourceARN } as StreamRecord);
}

describe("the raw shard's name", () => {
  it.each([
    ["a region", "arn:aws:kinesis:eu-west-1:123456789012:stream/behaviour-raw"],
    ["an account", "arn:aws:kinesis:us-east-1:999999999999:stream/behaviour-raw"],
    ["a stream", "arn:aws:kinesis:us-east-1:123456789012:stream/other-raw"],
    ["a partition", "arn:aws-cn:kinesis:cn-north-1:123456789012:stream/behaviour-raw"],
  ])("differs with %s", (_what, arn) => {
    expect(nameIn(arn)).not.toBe(nameIn("arn:aws:kinesis:us-east-1:123456789012:stream/behaviour-raw"));
  });

  it("is the same for a consumer of enhanced fan-out, and is valid in an object key", () => {
    const stream = "arn:aws:kinesis:us-east-1:123456789012:stream/behaviour-raw";
    expect(nameIn(`${stream}/consumer/process:1764032400`)).toBe(nameIn(stream));
    expect(nameIn(stream)).toBe("us-east-1.123456789012.behaviour-raw.shardId-000000000000");
  });

  it("is refused for any ARN that is not a stream's", () => {
    expect(() => nameIn("arn:aws:sqs:us-east-1:123456789012:queue")).toThrow("not a stream");
  });
});

describe("a stream's ARN on one machine", () => {
  const madeMs = Date.UTC(2026, 10, 25);
  const emulated = "arn:aws:kinesis:us-east-1:000000000000:stream/s";

  it("differs between emulators by the time at which they created the stream", () => {
    expect(arnOf("s", "us-east-1", emulated, madeMs)).not.toBe(arnOf("s", "us-east-1", emulated, madeMs + 1_000));
    expect(arnOf("s", "us-east-1", undefined, madeMs)).not.toBe(arnOf("s", "eu-west-1", undefined, madeMs));
    expect(nameIn(arnOf("s", "us-east-1", emulated, madeMs))).toMatch(/^us-east-1\.\d{12}\.s\./);
  });

  it("is the ARN of the service if the service provides one", () => {
    const arn = "arn:aws:kinesis:us-east-1:123456789012:stream/s";
    expect(arnOf("s", "us-east-1", arn, madeMs)).toBe(arn);
  });
});
