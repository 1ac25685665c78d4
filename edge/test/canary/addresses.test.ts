import { describe, expect, it } from "vitest";
import { cutAddresses, mayBeAddress } from "../../src/collect/addresses.ts";

/** Key, sent value, stored value. */
const CUT: [string, unknown, unknown][] = [
  ["ip", "203.0.113.77", "203.0.113.0"],
  ["ipAddress", "203.0.113.77", "203.0.113.0"],
  ["client_ip", "203.0.113.77", "203.0.113.0"],
  ["clientIP", "203.0.113.77:443", "203.0.113.0"],
  ["X-Forwarded-For", "203.0.113.77, 198.51.100.9", "203.0.113.0,198.51.100.0"],
  ["ips", ["203.0.113.77", { ip: "198.51.100.9" }], ["203.0.113.0", { ip: "198.51.100.0" }]],
  ["ip", "2001:db8:1:2::77", "2001:db8:1::"],
  ["ip", "[2001:db8:1:2::77]:443", "2001:db8:1::"],
  ["ip", "::ffff:203.0.113.77", "203.0.113.0"],
  ["note", "2001:db8:1:2:3:4:5:77", "2001:db8:1::"],
];

const KEPT: [string, unknown][] = [
  ["version", "130.0.0.0"],
  ["appVersion", "4.2.1.0"],
  ["ip", "unknown"],
  ["ip", 7],
  ["address", "1 Infinite Loop"],
  ["zip", "12345"],
  ["time", "12:34:56"],
  ["mac", "aa:bb:cc:dd:ee:ff"],
  ["symbol", "dead::beef"],
  ["price", "12.50"],
  ["trip", "203.0.113.77"],
];

describe("addresses within an event", () => {
  it.each(CUT)("%s: %j is cut at any depth", (key, sent, stored) => {
    expect(cutAddresses({ properties: { [key]: sent } }, false)).toEqual({ properties: { [key]: stored } });
    expect(cutAddresses({ [key]: { deep: [{ [key]: sent }] } }, true)).toEqual({
      [key]: { deep: [{ [key]: stored }] },
    });
  });

  it.each(CUT.filter(([, sent]) => typeof sent === "string"))("%s: %j is never overlooked", (_key, sent) => {
    expect(mayBeAddress(sent as string)).toBe(true);
  });

  it.each(KEPT)("%s: %j is kept", (key, value) => {
    const event = { properties: { [key]: value } };
    expect(cutAddresses(event, false)).toBe(event);
  });

  it("ids are not read", () => {
    const event = { userId: "2001:db8:1:2::77", anonymousId: "203.0.113.77" };
    expect(cutAddresses(event, false)).toBe(event);
  });

  it("context.ip is shortened with a secret key, and removed with a public key or if it is invalid", () => {
    const event = { context: { ip: "203.0.113.77", app: 1 } };
    expect(cutAddresses(event, true)).toEqual({ context: { ip: "203.0.113.0", app: 1 } });
    expect(cutAddresses(event, false)).toEqual({ context: { app: 1 } });
    expect(cutAddresses({ context: { ip: "canary" } }, true)).toEqual({ context: {} });
  });
});
