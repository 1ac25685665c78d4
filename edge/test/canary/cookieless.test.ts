// Tests that only listed fields of a cookieless event are stored, and that none of them leads to the device or the person.

import { decodeFrame } from "@behaviour/contract";
import { describe, expect, it } from "vitest";
import { withBareUrls } from "../../src/consent/bare-url.ts";
import { makeCookieless } from "../../src/consent/cookieless.ts";
import { leadsToDevice } from "../../src/consent/device-keys.ts";
import { bearer, send } from "../client.ts";
import { newKey, newProject } from "../keys.ts";
import { bytesOf, streamState, untilArrived } from "../servers/kinesis/stream.ts";

const VISITOR = { project: "p", address: "203.0.113.77", userAgent: "Mozilla/5.0" };
const SALT = new Uint8Array(16);

/** Every place of an event. A value that may be stored contains `kept`, and every other value contains `gone`. */
const EVENT = {
  type: "page",
  event: "kept-event",
  name: "kept-name",
  category: "gone-category",
  messageId: "kept-message",
  userId: "gone-user",
  anonymousId: "gone-anonymous",
  groupId: "gone-group",
  previousId: "gone-previous",
  timestamp: "2026-11-30T10:00:00.000Z",
  originalTimestamp: "2026-11-30T10:00:01.000Z",
  sentAt: "2026-11-30T10:00:02.000Z",
  channel: "gone-channel",
  rudderId: "gone-rudder",
  deviceId: "gone-device-1",
  sessionId: "gone-session",
  _metadata: { bundled: ["gone-bundled"] },
  integrations: { "Google Analytics": { clientId: "gone-GA1.2" } },
  traits: { email: "gone-mail", plan: "gone-plan" },
  properties: {
    plan: "kept-plan",
    product: { id: "kept-product", productId: "kept-product-id", list: ["kept-item", "gone-user"] },
    total: 12.5,
    url: "https://kept.example/kept-path?gclid=gone-click#gone-fragment",
    search: "?gclid=gone-click",
    link: "see https://kept.example/b?x=gone-x there",
    device_id: "gone-device-2",
    deviceId: "gone-device-3",
    clientId: "gone-client",
    gclid: "gone-gclid",
    idfa: "gone-idfa",
    userId: 17,
    customer: { customerNumber: "gone-customer", phoneNumber: "gone-phone", ip: "gone-ip" },
    again: "gone-user",
    "gone-group": 1,
    nested: [{ deep: { "session-id": "gone-nested" } }],
  },
  context: {
    page: {
      url: "https://kept.example/kept-page?fbclid=gone-click",
      referrer: "https://kept.example/kept-referrer?u=gone-u",
      path: "/kept-path?gone-query",
      title: "kept-title",
      search: "?gone-search",
      tab: "gone-tab",
    },
    campaign: { source: "kept-source", medium: "kept-medium", id: "gone-campaign-id", gclid: "gone-click" },
    library: { name: "kept-library", version: "kept-version", instance: "gone-instance" },
    locale: "kept-locale",
    timezone: "kept-timezone",
    device: { id: "gone-device-4", advertisingId: "gone-ad" },
    network: { carrier: "gone-carrier" },
    userAgent: "gone-agent",
    ip: "gone-address",
    traits: { id: "gone-trait" },
    groupId: "gone-group-2",
    consent: { tcf: "gone-tcf" },
    "gone-key": "gone-unknown",
  },
};

function words(value: unknown, start: string): string[] {
  return [...new Set(JSON.stringify(value).match(new RegExp(`${start}-[\\w.-]+`, "g")) ?? [])].sort();
}

describe("a cookieless event", () => {
  it("contains no string of the sent event except those on the list", () => {
    const stored = makeCookieless(EVENT, VISITOR, SALT);
    expect(words(stored, "gone")).toEqual([]);
    expect(words(stored, "kept")).toEqual(words(EVENT, "kept"));
    expect(stored).toMatchObject({
      properties: {
        url: "https://kept.example/kept-path",
        link: "see https://kept.example/b there",
        total: 12.5,
        product: { list: ["kept-item"] },
      },
      context: { page: { url: "https://kept.example/kept-page", path: "/kept-path" } },
      anonymousId: expect.stringMatching(/^cookieless-[0-9a-f]{32}$/),
    });
    expect(Object.keys(stored).sort()).toEqual(
      "anonymousId context event messageId name originalTimestamp properties sentAt timestamp type".split(" "),
    );
  });

  it("is the same when it is made twice, and harms no event without fields", () => {
    const once = makeCookieless(EVENT, VISITOR, SALT);
    expect(makeCookieless(once, VISITOR, SALT)).toEqual(once);
    expect(makeCookieless({ type: "identify", userId: "u", context: [] }, VISITOR, SALT)).toMatchObject({
      type: "track",
      event: "identify",
      context: {},
    });
    expect(makeCookieless({ type: { a: "gone-object" }, context: { page: "gone-text" } }, VISITOR, SALT)).toEqual({
      anonymousId: expect.any(String),
      context: {},
    });
  });

  it("stands in the row alone: nothing of the batch, its context or the request's headers leads to the device", async () => {
    const project = newProject("cookieless");
    const settings = { consentRegime: "opt-in", whenAnalyticsDenied: "cookieless" } as const;
    const key = await newKey({ project, settings });
    const batch = {
      note: "gone-beside",
      integrations: { a: "gone-integrations" },
      context: { device: { id: "gone-batch-device" }, page: { referrer: "https://kept.example/r?gone-r" } },
      batch: [{ ...EVENT, context: undefined }],
    };
    const headers = {
      ...bearer(key),
      "CF-Connecting-IP": "203.0.113.77",
      "X-Forwarded-For": "203.0.113.78",
      "User-Agent": "gone-user-agent",
      Referer: "https://kept.example/kept-referer?gclid=gone-click#gone-fragment",
      "Sec-CH-UA": "gone-brands",
      Cookie: "id=gone-cookie",
    };
    const answer = await send("/v1/batch", { body: batch, headers });
    expect(answer.body).toMatchObject({ accepted: 1 });
    await untilArrived(project, [EVENT.messageId]);
    const { arrived } = await streamState(project);
    const text = arrived.flatMap((record) => [...decodeFrame(bytesOf(record))].map((line) => line.text)).join("\n");
    expect(words(text, "gone")).toEqual([]);
    expect(text).not.toContain("203.0.113");
    expect(text).toContain('"referer":"https://kept.example/kept-referer"');
    expect(text).toContain('"consent":"cookieless"');
  });
});

describe("names that lead to a device", () => {
  it.each([
    "deviceId device_id device-id DeviceID deviceid clientId rudderId sessionId session_id userId user_uuid customerId",
    "gclid fbclid msclkid gbraid irclickid idfa IDFA advertisingId ajs_anonymous_id _ga _fbp ip clientIp X-Forwarded-For",
    "email userEmail hashed_email phoneNumber fcmToken push_token accessToken fingerprint userAgent visitor.id",
  ])("%s", (names) => {
    for (const name of names.split(" ")) expect(leadsToDevice(name), name).toBe(true);
  });

  it.each([
    "productId product_id orderId sku category plan price id ids name title path url total valid grid paid android video",
    "query search_term currency color step videoId articleId videoid listId position device deviceType host",
  ])("not %s", (names) => {
    for (const name of names.split(" ")) expect(leadsToDevice(name), name).toBe(false);
  });
});

describe("URLs without query and fragment", () => {
  it.each([
    ["https://a.example/b?c=d#e", "https://a.example/b"],
    ["https://a.example/b#e", "https://a.example/b"],
    ["x https://a.example/b?c y http://d.example?e", "x https://a.example/b y http://d.example"],
    ["/a?b=c", "/a"],
    ["?b=c", ""],
    ["a.html?b=c", "a.html"],
    ["#access=1", ""],
    ["What now? Nothing = all", "What now? Nothing = all"],
    ["#1 in the charts", "#1 in the charts"],
    ["why?", "why?"],
  ])("%j: %j", (text, bare) => {
    expect(withBareUrls(text)).toBe(bare);
    expect(withBareUrls(bare)).toBe(bare);
  });
});
