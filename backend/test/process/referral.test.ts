// Tests the origin of visitors, and the removal of click ids without consent to advertising.

import {
  CLICK_IDS,
  CLICK_IDS_VERSION,
  clickIdSource,
  stripClickIds,
  stripClickIdText,
  stripContext,
} from "@behaviour/contract";
import { describe, expect, it } from "vitest";
import { NO_CAMPAIGN } from "../../src/process/enrich/campaign.ts";
import { classifyReferral } from "../../src/process/enrich/referrer.ts";
import { SOURCES_BY_HOST } from "../../src/process/enrich/referrer-sources.ts";
import { enrich } from "../../src/process/enrich.ts";
import { unpackEnvelope } from "../../src/process/unpack.ts";
import { head, track } from "./sample.ts";

const HERE = "https://shop.example/cart";
const visit = (referrer: string | null, url = HERE, utmMedium: string | null = null) => {
  const page = { url, path: null, title: null, referrer };
  const { referrerMedium, referrerSource } = classifyReferral(page, { ...NO_CAMPAIGN, utmMedium });
  return [referrerMedium, referrerSource];
};

describe("a referrer", () => {
  it.each([
    ["https://www.google.com/", "search", "Google"],
    ["https://www.google.co.uk/search?q=x", "search", "Google"],
    ["https://google.com.tr/", "search", "Google"],
    ["https://mail.google.com/mail/u/0", "mail", "Gmail"],
    ["https://www.bing.com/search", "search", "Bing"],
    ["https://yandex.com.tr/", "search", "Yandex"],
    ["https://mail.yahoo.com/", "mail", "Yahoo! Mail"],
    ["https://uk.search.yahoo.com/", "search", "Yahoo!"],
    ["https://l.facebook.com/l.php", "social", "Facebook"],
    ["https://t.co/abc", "social", "X"],
    ["https://old.reddit.com/r/x", "social", "Reddit"],
    ["https://www.pinterest.de/pin/1", "social", "Pinterest"],
    ["https://chatgpt.com/", "search", "ChatGPT"],
    ["android-app://com.google.android.gm/", "mail", "Gmail"],
    ["https://outlook.live.com/mail", "mail", "Outlook.com"],
    ["https://blog.example.org/post", "unknown", "blog.example.org"],
    ["https://google.evil.com/", "unknown", "google.evil.com"],
    ["https://notgoogle.com/", "unknown", "notgoogle.com"],
    ["https://shop.example/", "internal", "shop.example"],
    ["https://www.shop.example/", "internal", "shop.example"],
    ["https://pay.shop.example/", "internal", "pay.shop.example"],
  ])("%s is %s, %s", (referrer, medium, source) => {
    expect(visit(referrer)).toEqual([medium, source]);
  });

  it("is absent on a direct visit and for an invalid address", () => {
    for (const referrer of [null, "", "about:blank", "x"]) expect(visit(referrer)).toEqual([null, null]);
  });

  it("of a paid visit is paid for any host", () => {
    expect(visit("https://www.google.com/", `${HERE}?gclid=abc`)).toEqual(["paid", "Google"]);
    expect(visit(null, `${HERE}?a=1&FBCLID=abc`)).toEqual(["paid", "Facebook"]);
    expect(visit(null, `${HERE}?msclkid=abc#x`)).toEqual(["paid", "Bing"]);
    expect(visit("https://www.bing.com/", HERE, "CPC")).toEqual(["paid", "Bing"]);
    expect(visit("https://www.google.com/", `${HERE}?gclid=`)).toEqual(["search", "Google"]);
    expect(visit("https://www.google.com/", `${HERE}#gclid=abc`)).toEqual(["search", "Google"]);
  });

  it("is looked up in lower-case hosts without www.", () => {
    for (const host of SOURCES_BY_HOST.keys()) expect(host).toMatch(/^(?!www\.)[a-z0-9.-]+$/);
    expect(SOURCES_BY_HOST.size).toBeGreaterThan(100);
  });
});

describe("click ids", () => {
  it.each([
    ["https://x.example/?gclid=abc", "https://x.example/"],
    ["https://x.example/?a=1&gclid=abc", "https://x.example/?a=1"],
    ["https://x.example/?gclid=abc&a=1", "https://x.example/?a=1"],
    ["https://x.example/?a=1&gclid=a%20b%2Fc&b=2#f", "https://x.example/?a=1&b=2#f"],
    ["https://x.example/?fbclid=1&gclid=2&ttclid=3", "https://x.example/"],
    ["https://x.example/?GCLID=abc#top", "https://x.example/#top"],
    [
      "https://x.example/?to=https%3A%2F%2Fy.example%2F%3Fgclid%3Dabc%26b%3D1",
      "https://x.example/?to=https%3A%2F%2Fy.example%2F%3Fb%3D1",
    ],
    ["https://x.example/?gclid=a%zz%b&b=1", "https://x.example/?b=1"],
    ["https://x.example/?a=1&gclid=2&fbclid=3&b=4&ttclid=5", "https://x.example/?a=1&b=4"],
    ["really? gclid=1 yes&", "really? gclid=1 yes&"],
    ["https://x.example/?notgclid=abc", "https://x.example/?notgclid=abc"],
    ["see https://x.example/?gclid=abc today", "see https://x.example/ today"],
    ["gclid is a word", "gclid is a word"],
    ["https://x.example/?irclid=x&oppref=y&igshid=z&_kx=k&a=1", "https://x.example/?a=1"],
  ])("%s → %s", (text, expected) => {
    expect(stripClickIdText(text)).toBe(expected);
  });

  it.each([...CLICK_IDS.keys()])("%s is removed at every place, and no other text is removed", (name) => {
    for (const id of [name, name.toUpperCase()]) {
      expect(stripClickIdText(`https://x.example/?a=1&${id}=x&b=2#c`)).toBe("https://x.example/?a=1&b=2#c");
      expect(stripClickIdText(`/?to=%2F%3Fa%3D1%26${id}%3Dx%26b%3D2&c=3`)).toBe("/?to=%2F%3Fa%3D1%26b%3D2&c=3");
      expect(stripClickIdText(`/?to=%252F%253F${id}%253Dx`)).toBe("/?to=%252F");
      expect(stripClickIdText(`/#/route?${id}=x`)).toBe("/#/route");
      expect(stripClickIds({ [id]: "x", kept: 1 })).toEqual({ kept: 1 });
      for (const kept of [`/?x${id}=1`, `/?${id}x=1`, `/?a=${id}`, `${id}=1 of 2`, `/${id}/1`]) {
        expect(stripClickIdText(kept)).toBe(kept);
      }
    }
  });

  it("mark a visit as paid only when an advertisement set them", () => {
    expect(clickIdSource("https://x.example/?irclid=1")).toBe("Impact");
    for (const name of ["igshid", "_kx", "mc_eid", "oppref"]) {
      expect(CLICK_IDS.get(name)?.isPaid).toBe(false);
      expect(clickIdSource(`https://x.example/?${name}=1`)).toBeNull();
    }
    expect(CLICK_IDS_VERSION).toMatch(/^\d{4}-\d{2}-\d{2}$/);
  });

  it("have owners", () => {
    expect(clickIdSource("https://x.example/?a=b&ttclid=1")).toBe("TikTok");
    expect(clickIdSource("https://x.example/?xgclid=1")).toBeNull();
  });

  it("are removed from a copy at any depth", () => {
    const sent = { a: [{ url: "https://x.example/?gclid=1" }], gclid: "1", b: { _fbp: "x", kept: 1 }, c: { d: 1 } };
    const before = structuredClone(sent);
    const stripped = stripClickIds(sent);
    expect(stripped).toEqual({ a: [{ url: "https://x.example/" }], b: { kept: 1 }, c: { d: 1 } });
    expect(sent).toEqual(before);
    expect(stripped.c).toBe(sent.c);
    const clean = { a: 1 };
    expect(stripClickIds(clean)).toBe(clean);
    expect(stripContext({ referrer: { id: "click", type: "network" } })).toEqual({ referrer: { type: "network" } });
  });

  it("are removed in finite time from text that is crafted for backtracking", () => {
    for (const part of ["?gclid=", "%26gclid%3D", "gclid=%", "&&&&", "?&#;", "?gclid=&"]) {
      const text = `gclid=${part.repeat(50_000)}`;
      expect(stripClickIdText(text).length).toBeLessThanOrEqual(text.length);
    }
  });

  it.each([
    ["accept", true],
    ["restricted", false],
    ["cookieless", false],
  ] as const)("with outcome %s are kept: %s", (consent, stay) => {
    const url = "https://shop.example/?gclid=secret-click&utm_source=g";
    const event = track("m", {
      properties: { link: url, gclid: "secret-click" },
      traits: { fbc: "secret-click" },
      context: {
        page: { url, referrer: "https://ads.example/?dclid=secret-click" },
        device: { advertisingId: "secret-click" },
      },
    });
    const [unpacked] = unpackEnvelope({ ...head({ shape: "event", consent }), body: event }, false);
    if (unpacked?.ok !== true) throw new Error("refused");
    const enrichment = enrich(unpacked.event);
    expect(JSON.stringify(enrichment).includes("secret-click")).toBe(stay);
    expect(enrichment.referrerMedium).toBe(stay ? "paid" : "unknown");
    expect(enrichment.utmSource).toBe("g");
  });
});
