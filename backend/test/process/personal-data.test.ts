// Tests personal data of the second kind with tables: texts that are recognised, texts that are not, and the results. No number
// belongs to a person (reserved ranges, examples of the issuing authorities).

import { LIMITS, MORE_FINDINGS, type ProcessorSettings, type RequestEnvelope } from "@behaviour/contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { maskIbans } from "../../src/personal-data/iban.ts";
import { maskItalianCodes, maskNationalIds } from "../../src/personal-data/national-id.ts";
import { maskPhones } from "../../src/personal-data/phone.ts";
import { IBAN_START, LETTERS_START, LONG_RUN, scanText } from "../../src/personal-data/scan.ts";
import { RequestWork, redactEvent } from "../../src/process/personal-data.ts";
import { unpackEnvelope } from "../../src/process/unpack.ts";
import { CHROME, head, type Sent, SOURCE, shopEvent, track } from "./sample.ts";

function redacted(event: Sent, changes: Partial<RequestEnvelope> = {}) {
  const [unpacked] = unpackEnvelope({ ...head({ shape: "event", ...changes }), body: event }, true);
  if (unpacked?.ok !== true) throw new Error("refused");
  return redactEvent(unpacked.event);
}

const from = (country: string | null) => ({ source: { ...SOURCE, country } });

/** The stored value of one property, and its recorded classes. */
function stored(name: string, value: unknown, country: string | null = "DE"): [unknown, string] {
  const result = redacted(track("m", { properties: { [name]: value } }), from(country));
  const classes = (result?.findings ?? []).map((finding) => finding.class);
  return [result === null ? value : result.event.properties[name], classes.join(" ")];
}

describe("phone numbers", () => {
  it.each([
    ["+49 30 901820", "[phone]"],
    ["+493023125000", "[phone]"],
    ["Call +1 (212) 736-5000, please", "Call [phone], please"],
    ["two: +49 30 901820 / +44 20 7946 0958", "two: [phone] / [phone]"],
    ["+49 170 1234567 20 pieces", "[phone] 20 pieces"],
    ["(+33) 1 42 68 53 00", "([phone]"],
    ["tel:+442079460958", "tel:[phone]"],
    ["https://x.example/?p=%2B49%2030%20901820&a=1", "https://x.example/?p=[phone]&a=1"],
    ["/call?to=%2B493023125000", "/call?to=[phone]"],
    ["https://x.example/?to=+493023125000", "https://x.example/?to=[phone]"],
    ["0049 30 901820", "[phone]"],
    ["(030) 23125000", "[phone]"],
    ["Tel. 030/23125000.", "Tel. [phone]."],
  ])("%s is stored as %s", (text, expected) => {
    const [value, classes] = stored("note", text);
    expect(value).toEqual(expect.stringContaining("[phone]"));
    if (!expected.startsWith("(")) expect(value).toBe(expected);
    expect(classes).toBe("phone");
  });

  it.each([
    ["FR", "01 42 68 53 00"],
    ["GB", "020 7946 0958"],
    ["US", "212-736-5000"],
    ["US", "(212) 736-5000"],
    ["CA", "416.967.1111"],
    [null, "(212) 736-5000"],
  ])("of a request from %s include %s", (country, text) => {
    expect(stored("note", text, country)).toEqual(["[phone]", "phone"]);
  });

  it.each([
    ["phone", "030 1234567"],
    ["phone", "01701234567"],
    ["phone", 4915112345678],
    ["customerPhone", "491511234567"],
    ["mobile_number", "0151-12345678"],
    ["phoneNumber2", "555 1234"],
    ["TEL", "(0)30 1234567"],
    ["contactPhoneFormatted", "030 / 12 34 56 7"],
    ["whatsapp", "4915112345678"],
    ["msisdn", "4915112345678"],
    ["phones", ["030 1234567", "030 7654321"]],
  ])("include, in a field named %s, %s", (name, value) => {
    const [masked, classes] = stored(name, value);
    expect(masked).toEqual(Array.isArray(value) ? ["[phone]", "[phone]"] : "[phone]");
    expect(new Set(classes.split(" "))).toEqual(new Set(["phone"]));
  });

  it("are recognised by the parent's name in `number` and `value`", () => {
    const result = redacted(track("m", { traits: { phone: { number: "030 1234567", type: "1234567" } } }));
    expect(result?.event.traits).toEqual({ phone: { number: "[phone]", type: "1234567" } });
    expect(result?.findings).toEqual([{ pointer: "/traits/phone/number", class: "phone" }]);
  });

  it.each([
    ["order_id", "4915112345678"],
    ["order_id", "10-2345-6789"],
    ["order", "302-1234567-1234567"],
    ["order", "2026-11-25-0001"],
    ["id", "0f8fad5b-d9cb-469f-a165-000000012345"],
    ["at", "2026-11-25T10:00:00.000Z"],
    ["at", "2026-11-25T10:00:00+01:00"],
    ["at", "25.11.2026 10:30"],
    ["at", "05/11/2026 10:30"],
    ["at", "01/02/2026 2026"],
    ["at", "Wed Nov 25 2026 10:00:00 GMT+0100 (CET)"],
    ["ms", "1764032400000"],
    ["price", "1 234 567,89"],
    ["price", "1.234.567,89"],
    ["price", 1234567.89],
    ["total", 49151123456],
    ["growth", "+12345678.5"],
    ["lat", "+48.856614123"],
    ["geo", "+40.6892494,-74.0445004"],
    ["isbn", "978-3-16-148410-0"],
    ["ip", "203.0.113.0"],
    ["version", "10.0.19045.3570"],
    ["size", "1920x1080 1024 768"],
    ["sku", "12-34-56789"],
    ["card", "4111 1111 1111 1112"],
    ["hash", "da39a3ee5e6b4b0d3255bfef95601890afd80709"],
    ["base64", "q83vEjRWeJCrze8SNFZ4+4915112345678/AAA="],
    ["agent", CHROME],
    ["url", "https://shop.example/p/4915112345678?ref=0301234567&x=1+1"],
    ["url", "https://shop.example/?d=2026-11-25&q=030+1234567"],
    ["iPhone", "1234567"],
    ["phoneVerifiedAt", 1764032400000],
    ["phone_model", "Galaxy S24 256 1234567"],
    ["nr", "555 123 456 789"],
  ])("do not include, in a field named %s, %s", (name, value) => {
    expect(stored(name, value)).toEqual([value, ""]);
  });
});

describe("IBANs", () => {
  it.each([
    ["DE89370400440532013000", "[iban]"],
    ["de89 3704 0044 0532 0130 00", "[iban]"],
    ["IBAN: DE89 3704 0044 0532 0130 00, thanks", "IBAN: [iban], thanks"],
    ["GB29-NWBK-6016-1331-9268-19", "[iban]"],
    ["FR1420041010050500013M02606 and NL91ABNA0417164300", "[iban] and [iban]"],
    ["https://x.example/?iban=DE89%203704%200044%200532%200130%2000&a=1", "https://x.example/?iban=[iban]&a=1"],
    ["MT84MALT011000012345MTLCAST001S", "[iban]"],
    ["AZ21NABZ00000000137010001944", "[iban]"],
  ])("%s is stored as %s", (text, expected) => {
    expect(stored("note", text)).toEqual([expected, "iban"]);
  });

  it.each([
    ["DE89370400440532013001"],
    ["DE8937040044053201300"],
    ["DE893704004405320130001"],
    ["XX89370400440532013000"],
    ["SKU-DE89-1234"],
    ["ad1200012030200359100101"],
    ["507f1f77bcf86cd799439011"],
  ])("do not include %s", (text) => {
    expect(stored("note", text)).toEqual([text, ""]);
  });
});

describe("national ids", () => {
  it.each([
    ["ssn", "123456789"],
    ["SSN", 123456789],
    ["social_security_number", "536-90-4399"],
    ["nationalId", "19850710-2384"],
    ["codiceFiscale", "RSSMRA85T10A562S"],
    ["customer_personnummer", "850710-2384"],
    ["nino", "AB 12 34 56 C"],
    ["dni", "12345678Z"],
    ["passportNumber", "C01X00T47"],
    ["cpf", "529.982.247-25"],
    ["aadhaar", "2341 2341 2346"],
    ["taxId", "44051401359"],
    ["document", "52998224725"],
  ])("include, in a field named %s, %s", (name, value) => {
    expect(stored(name, value)).toEqual(["[national_id]", "national_id"]);
  });

  it.each([
    ["My SSN is 536-90-4399.", "My SSN is [national_id]."],
    ["RSSMRA85T10A562S", "[national_id]"],
    ["131052-308T", "[national_id]"],
    ["CPF 529.982.247-25", "CPF [national_id]"],
    ["756.9217.0769.85", "[national_id]"],
    ["85.07.30-033.28", "[national_id]"],
  ])("are recognised in any field: %s is stored as %s", (text, expected) => {
    expect(stored("note", text)).toEqual([expected, "national_id"]);
  });

  it.each([
    ["note", "536904399"],
    ["note", "000-12-3456"],
    ["note", "666-12-3456"],
    ["note", "RSSMRA85T10A562T"],
    ["note", "131052-308U"],
    ["note", "529.982.247-26"],
    ["note", "44051401359"],
    ["order", "19850710-2384"],
    ["ssn", "n/a"],
    ["ssn", "not given in 2026"],
    ["taxId", "DE123456788X"],
    ["idNumber", "1234567"],
    ["document", "invoice 2026/11"],
    ["nationality", "DE12345"],
    ["passport", true],
  ])("do not include, in a field named %s, %s", (name, value) => {
    expect(stored(name, value)).toEqual([value, ""]);
  });
});

describe("an event", () => {
  it("is unchanged if it contains no personal data", () => {
    for (let index = 0; index < 50; index++) expect(redacted(shopEvent(index))).toBeNull();
  });

  it("is searched at any depth and not modified, and each finding has a pointer and a class", () => {
    const sent = track("m", {
      properties: { items: [{ "a/b": "x" }, { "a/b": "+493023125000, DE89370400440532013000" }] },
      context: { traits: { phone: "030 1234567" }, page: { url: "tel:+442079460958" } },
      channel: "+493023125000",
    });
    const before = structuredClone(sent);
    const result = redacted(sent);
    expect(result?.findings).toEqual([
      { pointer: "/context/traits/phone", class: "phone" },
      { pointer: "/context/page/url", class: "phone" },
      { pointer: "/channel", class: "phone" },
      { pointer: "/properties/items/1/a~1b", class: "iban" },
      { pointer: "/properties/items/1/a~1b", class: "phone" },
    ]);
    expect(result?.event.properties["items"]).toEqual([{ "a/b": "x" }, { "a/b": "[phone], [iban]" }]);
    expect(result?.event.traits).toEqual({ phone: "[phone]" });
    expect(sent).toEqual(before);
    expect(JSON.stringify([result?.event.context, result?.event.traits])).not.toMatch(/23125|1234567|7946/);
  });

  it("gets the findings of the batch's context like every other event of the batch", () => {
    const batch = { batch: [track("a"), track("b")], context: { traits: { phone: "030 1234567" } } };
    const results = [...unpackEnvelope({ ...head(), body: batch }, false)].map((unpacked) =>
      unpacked.ok ? redactEvent(unpacked.event)?.findings : null,
    );
    const finding = { pointer: "/context/traits/phone", class: "phone" };
    expect(results).toEqual([[finding], [finding]]);
  });

  it("has its name masked if it is a page, but not if it is a track event", () => {
    const page = { type: "page", messageId: "m", anonymousId: "a", name: "Call +493023125000" };
    expect(redacted(page)?.event.name).toBe("Call [phone]");
    expect(redacted(track("m", { event: "Call +493023125000" }))).toBeNull();
  });

  it("that is masked is not changed again", () => {
    const first = redacted(track("m", { properties: { phone: "030 1234567", note: "DE89370400440532013000" } }));
    expect(redacted(track("m", { properties: first?.event.properties }))).toBeNull();
  });
});

describe("the project's setting", () => {
  const event = track("m", {
    properties: { phone: "030 1234567", list: ["+493023125000"], iban: "DE89370400440532013000" },
  });
  const as = (pii: ProcessorSettings["pii"]) => redacted(event, { settings: { pii } });

  it("mask is the default", () => {
    const expected = { phone: "[phone]", list: ["[phone]"], iban: "[iban]" };
    expect(redacted(event)?.event.properties).toEqual(expected);
    expect(as({ phone: "mask" })?.event.properties).toEqual(expected);
  });

  it("drop_field removes the field, keeps the length of lists, and is recorded", () => {
    const result = as({ phone: "drop_field" });
    expect(result?.event.properties).toEqual({ list: [null], iban: "[iban]" });
    expect(result?.findings).toHaveLength(3);
    expect(result?.rejected).toBeNull();
  });

  it("reject names the first finding of that class", () => {
    expect(as({ iban: "reject" })?.rejected).toEqual({ pointer: "/properties/iban", class: "iban" });
    expect(as({ national_id: "reject" })?.rejected).toBeNull();
  });

  it("allow keeps that class without a finding, also beside other classes in the same text", () => {
    const mixed = track("m", { properties: { note: "+493023125000 DE89370400440532013000" } });
    const result = redacted(mixed, { settings: { pii: { phone: "allow" } } });
    expect(result?.event.properties).toEqual({ note: "+493023125000 [iban]" });
    expect(result?.findings).toEqual([{ pointer: "/properties/note", class: "iban" }]);
    expect(as({ phone: "allow", iban: "allow", national_id: "allow" })).toBeNull();
  });
});

describe("hostile text", () => {
  const long = (piece: string) => piece.repeat(Math.ceil(8_192 / piece.length)).slice(0, 8_192);
  // A scanner that is not linear takes minutes for these texts. The test would hang, so no time measurement is needed.
  it.each([
    "+1234567 ",
    "+49 30 901820 ",
    "+1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 ",
    "0 1 2 3 4 5 6 7 8 9 ",
    "01 23 45 67 89 ",
    "(030) 1 ",
    "1-1-",
    "DE89 ",
    "DE89370400440532013001",
    "A1B2C3D4",
    "RSSMRA85T10A562T ",
    "536-90-4398 ",
    "%2B49%20",
    "tel:1",
    "9",
    " ",
    "./-() ",
  ])("of %j takes linear time", (piece) => {
    const text = long(piece);
    const url = `https://x.example/?${text}`;
    expect(() =>
      redacted(track("m", { properties: { note: text, phone: text, ssn: text, taxId: text, url } })),
    ).not.toThrow();
  });

  it("causes a limited number of library calls, and beyond it the form of a number decides", () => {
    const items = Array.from({ length: 500 }, (_, index) => `+999123456${index + 100}`);
    const list = redacted(track("m", { properties: { items } }))?.event.properties["items"] as string[];
    expect(list.slice(0, 10)).toEqual(items.slice(0, 10));
    expect(list.at(-1)).toBe("[phone]");
  });

  it("is scanned once per request: repeated text and the batch's context cost no further calls", () => {
    const context = { list: Array.from({ length: 60 }, (_, index) => `+999123456${index + 100}`), tel: "+4930901820" };
    const batch = Array.from({ length: 200 }, (_, index) => ({
      ...track(`m${index}`),
      context: { own: "+99955512345" },
    }));
    const request = { ...head(), body: { batch, context } };
    const work = new RequestWork(request);
    const contexts = [...unpackEnvelope(request, false)].map((unpacked) =>
      unpacked.ok ? redactEvent(unpacked.event, work)?.event.context : null,
    );
    expect(contexts).toHaveLength(200);
    for (const next of contexts) {
      // If each occurrence cost a call, the calls would be used up, and the form alone would decide.
      expect(next).toMatchObject({ list: context.list, own: "+99955512345" });
      expect(next?.["tel"]).toBe("[phone]");
    }
    expect(contexts[1]?.["list"]).toBe(contexts[0]?.["list"]);
  });

  it("is recorded at most 20 times per event with short pointers, then once for the whole event", () => {
    let properties: Record<string, unknown> = { list: Array(1_000).fill("+49 30 901820") };
    for (let depth = 0; depth < 8; depth++) properties = { [`${depth}`.repeat(120)]: properties };
    const found = redacted(track("m", { properties }));
    expect(JSON.stringify(found?.event.properties)).not.toContain("901820");
    expect(found?.findings).toHaveLength(LIMITS.findingsPerEvent + 1);
    expect(found?.findings.at(-1)).toEqual({ pointer: "", class: MORE_FINDINGS });
    for (const { pointer } of found?.findings ?? []) expect(pointer.length).toBeLessThanOrEqual(LIMITS.pointerLength);
  });
});

describe("the first scan of the characters", () => {
  const budget = () => ({ calls: 1_000 });
  const piece = fc.constantFrom(
    "+49 30 901820",
    "(030) 23125000",
    "01 42 68 53 00",
    "%2B49%2030%20901820",
    "tel:+442079460958",
    "0049 30 901820",
    "212-736-5000",
    "DE89370400440532013000",
    "de89 3704 0044 0532 0130 00",
    "AZ21NABZ00000000137010001944",
    "RSSMRA85T10A562S",
    "536-90-4399",
    "131052-308T",
    "529.982.247-25",
    "756.9217.0769.85",
    "85.07.30-033.28",
    "1 85 12 75 108 123 42",
    ..." \u00a0-/x7é".split(""),
    "?a=",
    "AB",
    "\ud83d",
  );

  it("never excludes a text that contains personal data", () => {
    const texts = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(""));
    fc.assert(
      fc.property(texts, fc.constantFrom(null, "DE", "FR", "US"), (text, country) => {
        const found = scanText(text);
        const finders: [number, string][] = [
          [IBAN_START, maskIbans(text, { calls: 64 })],
          [LETTERS_START, maskItalianCodes(text, budget())],
          [LONG_RUN, maskNationalIds(text, budget())],
          [LONG_RUN, maskPhones(text, country, budget())],
        ];
        for (const [bit, masked] of finders) if (masked !== text) expect(found & bit).toBe(bit);
      }),
    );
  });
});
