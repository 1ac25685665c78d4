// Tests that the log line of a fault never contains data from the request.

import { describe, expect, it } from "vitest";
import { faultFrames, faultText } from "../src/fault-text.ts";

function thrown(run: () => unknown): unknown {
  try {
    run();
  } catch (fault) {
    return fault;
  }
  throw new Error("nothing was thrown");
}

describe("a fault in the log", () => {
  it.each<[string, unknown]>([
    ["of JSON.parse", thrown(() => JSON.parse('{"a":canary'))],
    ["of a URL", thrown(() => new URL("canary //"))],
    ["of fetch", new TypeError("Fetch API cannot load: https://backend.test/v1/events?userId=canary")],
    ["of a request line", new Error("connect to http://127.0.0.1:9/v1/events/canary failed")],
    ["with a value in quotes", new RangeError("Invalid value \"canary\", 'canary' or `canary`")],
    ["with an e-mail address", new Error("no such user: canary@example.com")],
    ["with a token", "ghp_canaryAbCdEfGhIjKlMnOpQrStUvWxYz01234567"],
  ])("%s", (_case, fault) => {
    expect(faultText(fault)).not.toContain("canary");
    expect(faultText(fault)).not.toBe("");
  });

  it("still names the fault and its place", () => {
    expect(faultText(new TypeError("Network connection lost."))).toBe("TypeError: Network connection lost.");
    expect(faultText(new Error("can't reach https://kinesis.test:4567/ today"))).toBe(
      "Error: can't reach https://kinesis.test:4567/… today",
    );
    expect(faultText("x".repeat(100_000)).length).toBeLessThanOrEqual(300);
    const frames = faultFrames(new Error("canary\n    canary"));
    expect(frames?.[0]).toMatch(/^at /);
    expect(JSON.stringify(frames)).not.toContain("canary\\n");
    expect(faultFrames("no error")).toBeUndefined();
  });
});
