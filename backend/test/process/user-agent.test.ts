// Tests the classification of user agents: devices, bots, servers, native apps.

import { describe, expect, it } from "vitest";
import { isBotAgent, isBotBrand } from "../../src/process/enrich/bot.ts";
import { readUserAgent } from "../../src/process/enrich/user-agent.ts";
import { CHROME, IPHONE } from "./sample.ts";

const read = (context: Record<string, unknown>, header: string | null, isServer = false) =>
  readUserAgent(context, { userAgent: header }, isServer);

describe("a browser's header", () => {
  it.each([
    [
      "Chrome on Windows",
      CHROME,
      { device: "desktop", os: "Windows", osVersion: "10", browser: "Chrome", browserVersion: "126.0.0.0" },
    ],
    ["Safari on an iPhone", IPHONE, { device: "mobile", os: "iOS", osVersion: "17.5", browser: "Mobile Safari" }],
    [
      "Chrome on an Android tablet",
      "Mozilla/5.0 (Linux; Android 13; SM-X700) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
      { device: "tablet", os: "Android" },
    ],
    [
      "a television",
      "Mozilla/5.0 (Linux; Tizen 2.3; SmartHub; SMART-TV; SmartTV; U; Maple2012) AppleWebKit/538.1+ TV Safari/538.1+",
      { device: "tv" },
    ],
    [
      "a console",
      "Mozilla/5.0 (PlayStation; PlayStation 5/2.26) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.0 Safari/605.1.15",
      { device: "console" },
    ],
    [
      "a watch",
      "Mozilla/5.0 (Linux; Android 8; Pixel Watch) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/99.0 Mobile Safari/537.36",
      { os: "Android" },
    ],
    [
      "Firefox on Linux",
      "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
      { device: "desktop", os: "Linux", browser: "Firefox" },
    ],
    [
      "Safari on a Mac",
      "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15",
      { device: "desktop", os: "Mac OS", browser: "Safari" },
    ],
  ])("%s", (_name, userAgent, expected) => {
    expect(read({}, userAgent)).toMatchObject({ ...expected, isBot: false });
  });
});

describe("bots", () => {
  it.each([
    ["Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", true],
    ["Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0.0.0 Safari/537.36", true],
    ["curl/8.4.0", true],
    [CHROME, false],
    [IPHONE, false],
  ])("%s: %s", (userAgent, isBot) => {
    expect(read({}, userAgent).isBot).toBe(isBot);
  });
});

describe("the user agent that is read", () => {
  const library = { name: "analytics-python", version: "2.2" };
  const unknown = { device: null, os: null, osVersion: null, browser: null, browserVersion: null, isBot: false };

  it("is context.userAgent before the header", () => {
    expect(read({ userAgent: IPHONE }, CHROME)).toMatchObject({ os: "iOS", device: "mobile" });
    expect(read({ userAgent: IPHONE, library }, "analytics-python/2.2", true)).toMatchObject({ os: "iOS" });
  });

  it("of a server library is neither a device nor a bot", () => {
    expect(read({ library }, "analytics-python/2.2")).toEqual(unknown);
    expect(read({}, CHROME, true)).toEqual(unknown);
    expect(read({}, null)).toEqual(unknown);
    expect(read({}, "")).toEqual(unknown);
  });

  it("is the context of a native SDK before the header", () => {
    const context = {
      library: { name: "analytics-ios" },
      os: { name: "iOS", version: "17.1" },
      device: { type: "ios", model: "iPad13,4" },
    };
    expect(read(context, "Shop/1 CFNetwork/1410 Darwin/22.6.0")).toMatchObject({
      os: "iOS",
      osVersion: "17.1",
      device: "tablet",
      isBot: false,
    });
    expect(read({ os: { name: "Android", version: 14 }, device: { type: "android" } }, null)).toMatchObject({
      os: "Android",
      osVersion: "14",
      device: "mobile",
    });
  });

  it("may be any value without an exception", () => {
    for (const userAgent of ["x".repeat(100_000), "\u0000\ud800", "(".repeat(5_000), 17, {}, null]) {
      expect(() => read({ userAgent }, "(".repeat(9_000))).not.toThrow();
    }
  });
});

describe("client hints", () => {
  const brands = (name: string, version = "130") => [
    { brand: "Not?A_Brand", version: "99" },
    { brand: "Chromium", version: "130" },
    { brand: name, version },
  ];
  const header = (name: string) => `"Not?A_Brand";v="99", "Chromium";v="130", "${name}";v="130"`;
  const ANDROID =
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36";

  it.each([
    [
      "the same browser keeps its full version",
      { brands: brands("Google Chrome") },
      { browser: "Chrome", browserVersion: "126.0.0.0" },
    ],
    [
      "a browser that names itself Chrome in its user agent",
      { brands: brands("Brave") },
      { browser: "Brave", browserVersion: "130" },
    ],
    ["Windows 11", { platform: "Windows", platformVersion: "15.0.0" }, { os: "Windows", osVersion: "11" }],
    ["Windows 10", { platform: "Windows", platformVersion: "10.0.0" }, { os: "Windows", osVersion: "10" }],
    [
      "hints of the wrong type are ignored",
      { brands: "x", mobile: "1", platform: 5 },
      { os: "Windows", browser: "Chrome", device: "desktop" },
    ],
    ["invented brands only", { brands: brands("Not A;Brand") }, { browser: "Chrome" }],
    ["a headless browser", { brands: brands("HeadlessChrome") }, { isBot: true }],
  ])("of the library: %s", (_name, userAgentData, expected) => {
    expect(read({ userAgent: CHROME, userAgentData }, null)).toMatchObject(expected);
  });

  it("contain the device and version that a frozen user agent hides", () => {
    const tablet = { platform: "Android", platformVersion: "14.0.0", mobile: false };
    expect(read({ userAgent: ANDROID, userAgentData: tablet }, null)).toMatchObject({
      device: "tablet",
      osVersion: "14.0.0",
    });
    expect(read({ userAgentData: { platform: "macOS", brands: brands("Google Chrome") } }, null)).toMatchObject({
      device: "desktop",
      os: "Mac OS",
      browser: "Chrome",
      browserVersion: "130",
    });
  });

  it.each([
    [
      "names the browser",
      { brands: header("Microsoft Edge"), mobile: "?0", platform: '"Windows"' },
      { browser: "Edge", browserVersion: "130", os: "Windows" },
    ],
    ["names a phone", { brands: header("Google Chrome"), mobile: "?1", platform: '"Android"' }, { device: "mobile" }],
    [
      "has no valid list",
      { brands: '"'.repeat(600), mobile: "yes", platform: null },
      { browser: "Chrome", device: "desktop" },
    ],
  ])("of the request: %s", (_name, clientHints, expected) => {
    expect(readUserAgent({}, { userAgent: CHROME, clientHints }, false)).toMatchObject(expected);
  });

  it("of a request are ignored with the library's own user agent, and for a server library", () => {
    const source = { userAgent: CHROME, clientHints: { brands: header("Brave"), mobile: null, platform: null } };
    expect(readUserAgent({ userAgent: IPHONE }, source, false).browser).toBe("Mobile Safari");
    expect(readUserAgent({}, source, true).browser).toBeNull();
  });
});

describe("a bot", () => {
  it.each([
    ["Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", true],
    ["Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", true],
    ["Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)", true],
    ["facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", true],
    [
      "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/130.0.0.0 Safari/537.36",
      true,
    ],
    ["curl/8.9.1", true],
    [CHROME, false],
    [IPHONE, false],
    ["Mozilla/5.0 (Linux; Android 9; CUBOT_X18) AppleWebKit/537.36 Chrome/120.0 Mobile Safari/537.36", false],
  ])("%s: %s", (userAgent, expected) => {
    expect(isBotAgent(userAgent)).toBe(expected);
  });

  it.each([
    [{ name: "Chrome Headless", version: "130" }, true],
    [{ name: "Chrome", version: "130" }, false],
    [null, false],
  ])("by its brand %j: %s", (brand, expected) => {
    expect(isBotBrand(brand)).toBe(expected);
  });
});
