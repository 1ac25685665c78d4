// Tests what each enrichment reads from an event and its request, with a table for each.

import type { RequestEnvelope } from "@behaviour/contract";
import { describe, expect, it } from "vitest";
import { cutNamedAddress } from "../../src/process/enrich/address.ts";
import { NO_CAMPAIGN, readCampaign } from "../../src/process/enrich/campaign.ts";
import { readGeography } from "../../src/process/enrich/geography.ts";
import { readLibrary } from "../../src/process/enrich/library.ts";
import { hostOf, readPage } from "../../src/process/enrich/page.ts";
import { readSessionId } from "../../src/process/enrich/session.ts";
import { type Enrichment, enrich } from "../../src/process/enrich.ts";
import { unpackEnvelope } from "../../src/process/unpack.ts";
import { head, type Sent, SOURCE, track } from "./sample.ts";

function enriched(event: Sent, changes: Partial<RequestEnvelope> = {}): Enrichment {
  const [unpacked] = unpackEnvelope({ ...head({ shape: "event", ...changes }), body: event }, true);
  if (unpacked?.ok !== true) throw new Error("refused");
  return enrich(unpacked.event);
}

describe("page", () => {
  const url = "https://shop.example/a/b?x=1#top";
  it.each([
    [
      "a page event's own properties",
      "page",
      { url, title: "T", referrer: "r", path: "/p" },
      {},
      { url, path: "/p", title: "T", referrer: "r" },
    ],
    [
      "the context of any event",
      "track",
      {},
      { page: { url, title: "T" } },
      { url, path: "/a/b", title: "T", referrer: null },
    ],
    [
      "not the properties of another event",
      "track",
      { url: "https://other.example" },
      {},
      { url: null, path: null, title: null, referrer: null },
    ],
    [
      "properties before context, field by field",
      "page",
      { title: "mine" },
      { page: { url, title: "theirs" } },
      { url, path: "/a/b", title: "mine", referrer: null },
    ],
    [
      "no path of another URL",
      "page",
      { url: "https://x.example/own" },
      { page: { path: "/theirs" } },
      { url: "https://x.example/own", path: "/own", title: null, referrer: null },
    ],
    [
      "a visit from nowhere, as RudderStack says it",
      "page",
      { url, path: "/p", title: "T", referrer: "$direct" },
      {},
      { url, path: "/p", title: "T", referrer: null },
    ],
    [
      "a host alone",
      "track",
      {},
      { page: { url: "https://x.example" } },
      { url: "https://x.example", path: "/", title: null, referrer: null },
    ],
    [
      "a query right after the host",
      "track",
      {},
      { page: { url: "https://x.example?a=/b" } },
      { url: "https://x.example?a=/b", path: "/", title: null, referrer: null },
    ],
    [
      "no text, no page",
      "page",
      { url: 5, title: {} },
      { page: "x" },
      { url: null, path: null, title: null, referrer: null },
    ],
  ])("%s", (_name, type, properties, context, expected) => {
    expect(readPage(type, properties, context)).toEqual(expected);
  });

  it.each([
    ["https://WWW.Example.com:8080/x", "example.com"],
    ["https://user:pass@evil.example/@good.example", "evil.example"],
    ["//cdn.example/x", "cdn.example"],
    ["android-app://com.google.android.gm/", "com.google.android.gm"],
    ["https://example.com.", "example.com"],
    ["about:blank", null],
    ["/just/a/path", null],
    ["https:///x", null],
  ])("host of %s is %s", (url, host) => {
    expect(hostOf(url)).toBe(host);
  });
});

describe("campaign", () => {
  const url =
    "https://x.example/?utm_source=news&UTM_Medium=email&utm_campaign=a%20b&utm_term=&utm_content=c%00d#utm_source=no";
  it.each([
    [
      "utm_ parameters, decoded and cleaned",
      {},
      url,
      { ...NO_CAMPAIGN, utmSource: "news", utmMedium: "email", utmCampaign: "a b", utmContent: "cd" },
    ],
    [
      "context.campaign before the page's address",
      { campaign: { name: "n", source: "s", medium: "m", term: "t", content: "c" } },
      url,
      { utmSource: "s", utmMedium: "m", utmCampaign: "n", utmTerm: "t", utmContent: "c" },
    ],
    [
      "an empty context.campaign is ignored",
      { campaign: { name: "" } },
      "https://x.example/?utm_source=s",
      { ...NO_CAMPAIGN, utmSource: "s" },
    ],
    [
      "the first of two equal parameters",
      {},
      "https://x.example/?utm_source=a&utm_source=b",
      { ...NO_CAMPAIGN, utmSource: "a" },
    ],
    [
      "broken escapes are kept as text",
      {},
      "https://x.example/?utm_source=%E0%A4%A",
      { ...NO_CAMPAIGN, utmSource: "\uFFFD%A" },
    ],
    ["an address without a campaign", {}, "https://x.example/?a=b", NO_CAMPAIGN],
    ["no page address", {}, null, NO_CAMPAIGN],
  ])("%s", (_name, context, pageUrl, expected) => {
    expect(readCampaign(context, pageUrl)).toEqual(expected);
  });
});

describe("geography", () => {
  const nowhere = { country: null, region: null, city: null };
  it.each([
    ["the location of the caller", SOURCE, {}, false, { country: "DE", region: "Berlin", city: "Berlin" }],
    ["the code of Tor is not a country", { ...SOURCE, country: "T1", region: null, city: null }, {}, false, nowhere],
    ["the code XX is not a country", { ...SOURCE, country: "XX", region: "", city: "\u0000" }, {}, false, nowhere],
    ["a server's own location is not used for another person", SOURCE, {}, true, nowhere],
    [
      "a location that the server sends for another person is used",
      SOURCE,
      { location: { country: "fr", city: "Paris" } },
      true,
      { country: "FR", region: null, city: "Paris" },
    ],
  ])("%s", (_name, source, context, speaksForAnother, expected) => {
    expect(readGeography(source, context, speaksForAnother)).toEqual(expected);
  });
});

describe("address", () => {
  it.each([
    ["203.0.113.77", "203.0.113.0"],
    [" 203.0.113.77 ", "203.0.113.0"],
    ["2001:db8:85a3:8d3:1319:8a2e:370:7348", "2001:db8:85a3::"],
    ["2001:db8::1", "2001:db8::"],
    ["::1", "::"],
    ["::ffff:203.0.113.77", "203.0.113.0"],
    ["::FFFF:cb00:714d", "203.0.113.0"],
    ["fe80::1%eth0", null],
    ["010.0.0.1", null],
    ["0x7f.1", null],
    ["1", null],
    ["203.0.113.77:443", null],
    ["1.2.3.4, 5.6.7.8", null],
    [17, null],
    [null, null],
  ])("%s is cut to %s", (address, cut) => {
    expect(cutNamedAddress(address)).toBe(cut);
  });

  it.each([
    ["a server's address for another person is used", true, "198.51.100.9", "198.51.100.0"],
    ["an address that a browser sends is ignored", false, "198.51.100.9", "203.0.113.0"],
    ["the request's address is used if the server's is invalid", true, "nonsense", "203.0.113.0"],
    ["the request's address is the default", false, undefined, "203.0.113.0"],
  ])("%s", (_name, secret, ip, expected) => {
    expect(enriched(track("m", { context: { ip } }), { secret }).context.ip).toBe(expected);
  });

  it("is absent when no address is known", () => {
    const { context } = enriched(track("m", { context: { ip: "198.51.100.9" } }), { source: { ...SOURCE, ip: null } });
    expect(context).toEqual({});
  });
});

describe("library and session", () => {
  it.each([
    [{ library: { name: "analytics.js", version: "2.1" } }, "analytics.js@2.1"],
    [{ library: { name: "ours", version: 3 } }, "ours@3"],
    [{ library: { name: "ours" } }, "ours"],
    [{ library: { version: "1" } }, null],
    [{ library: "x" }, null],
    [{}, null],
  ])("library of %j is %s", (context, expected) => {
    expect(readLibrary(context)).toBe(expected);
  });

  it.each([
    [{ sessionId: "s-1" }, "s-1"],
    [{ sessionId: 1760000000000 }, "1760000000000"],
    [{ sessionId: { a: 1 } }, null],
    [{ sessionId: "" }, null],
    [{}, null],
  ])("session of %j is %s", (context, expected) => {
    expect(readSessionId(context)).toBe(expected);
  });
});

describe("an unpacked event", () => {
  it("merges the batch's context under its own, and reads traits from the context", () => {
    const batch = {
      batch: [track("a", { context: { locale: "de", app: { name: "own" } } }), track("b")],
      context: { app: { name: "batch" }, traits: { plan: "pro" }, groupId: "acme" },
    };
    const results = [...unpackEnvelope({ ...head(), body: batch }, false)].map((result) =>
      result.ok ? result.event : null,
    );
    expect(results[0]?.context).toEqual({
      locale: "de",
      app: { name: "own" },
      traits: { plan: "pro" },
      groupId: "acme",
    });
    expect(results[0]?.traits).toEqual({ plan: "pro" });
    expect(results[1]?.context.app).toEqual({ name: "batch" });
    expect(results[1]?.identity.groupId).toBe("acme");
  });

  it("reads the default type, the verdict's consent, and the times that the event contains", () => {
    const untyped = { messageId: "m", userId: 42, name: "Home" };
    const [page] = unpackEnvelope(
      { ...head({ shape: "event", defaultType: "page", verdicts: { 0: { consent: "cookieless" } } }), body: untyped },
      false,
    );
    expect(page).toMatchObject({ ok: true, event: { type: "page", name: "Home", consent: "cookieless" } });
    expect(page?.ok === true && page.event.identity).toEqual({
      project: "shop",
      userId: "42",
      anonymousId: null,
      groupId: null,
      previousId: null,
      vouchedBy: null,
    });
    const { sentAtMs, originalTimeMs } = enriched(
      track("m", { originalTimestamp: "2026-11-01T10:00:00Z", sentAt: "2026-11-01T10:00:01Z" }),
      { receivedAtMs: Date.UTC(2026, 10, 1, 10, 0, 2) },
    );
    expect([originalTimeMs, sentAtMs]).toEqual([Date.UTC(2026, 10, 1, 10), Date.UTC(2026, 10, 1, 10, 0, 1)]);
  });

  it("keeps unknown fields, but not the write key", () => {
    const { context } = enriched(
      track("m", { channel: "mobile", _metadata: { bundled: [] }, integrations: {}, writeKey: "pk_x" }),
    );
    expect(context.$fields).toEqual({ channel: "mobile", _metadata: { bundled: [] } });
    expect(JSON.stringify(context)).not.toContain("pk_x");
  });
});
