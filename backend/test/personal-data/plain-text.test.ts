// Tests personal data in plain text that could not be parsed: masked texts, unchanged texts, and bounded time.

import { describe, expect, it } from "vitest";
import { describeText, maskedStart, maskPlainText, withoutTraits } from "../../src/personal-data/plain-text.ts";

describe("masking of plain text", () => {
  const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-DEF_1";
  it.each([
    ["mail me: jane.doe+x@mail.example.com!", "mail me: [email]!"],
    ["https://x.example/?m=jane%40example.com", "https://x.example/?m=[email]"],
    [`{"jwt":"${jwt}"}`, '{"jwt":"[token]"}'],
    ["Authorization: Bearer abcdef123456", "Authorization: Bearer [token]"],
    ["card 4111-1111-1111-1111.", "card [card]."],
    ["card 5500 0000 0000 0004", "card [card]"],
    [`key sk_live_${"a".repeat(36)}`, "key [token]"],
    ['"timestamp":1795569361437', '"timestamp":1795569361437'],
    ["order 4111111111111112", "order 4111111111111112"],
    ["no at all", "no at all"],
  ])("%s", (text, expected) => {
    expect(maskPlainText(text)).toBe(expected);
  });

  it("of text that is crafted for backtracking ends", () => {
    for (const part of ["a@", "eyJ", "eyJaaaaaaaaaa.", "4 ", "bearer ", "a.", "%40", "@a."]) {
      expect(maskPlainText(part.repeat(50_000))).not.toBe("");
    }
  });
});

describe("a payload that is longer than what is shown", () => {
  const MAX_CHARS = 2_000;
  const secrets = [
    '"userId":"jane.doe@example.com"',
    '"note":"call jane.doe@example.com now"',
    '"note":"4111 1111 1111 1111"',
  ];

  it.each(secrets)("has no part of %s, wherever the cut is", (secret) => {
    for (let before = MAX_CHARS - secret.length - 5; before <= MAX_CHARS + 5; before++) {
      const shown = maskedStart(`${" ".repeat(before)}${secret}${" ".repeat(20_000)}`, MAX_CHARS);
      expect(shown).not.toMatch(/jane|doe|4111/);
      expect(shown.length).toBeLessThanOrEqual(MAX_CHARS);
    }
  });

  it.each(secrets)("has no part of %s, even if masks before it move it into view", (secret) => {
    const masked = '"userId":"'.concat("u".repeat(400), '",').repeat(50);
    for (let length = 1; length <= 20_000; length += 1_999) {
      for (let part = 1; part <= secret.length; part += 3) {
        const text = `${masked.slice(0, MAX_CHARS + 16_384 - part - length)}${" ".repeat(length)}${secret}`;
        const shown = maskedStart(`${text}${" ".repeat(9)}${secret}`, MAX_CHARS);
        expect(shown).not.toMatch(/jane|doe|4111/);
      }
    }
  });

  it("masks an id that never ends", () => {
    expect(maskedStart(`{"userId":"${"jane".repeat(20_000)}`, MAX_CHARS)).not.toContain("jane");
  });

  it("is shown whole if it is short", () => {
    expect(maskedStart('{"event":"Clicked"}', MAX_CHARS)).toBe('{"event":"Clicked"}');
  });
});

describe("traits", () => {
  it("are masked at any level, and nothing else is", () => {
    const traits = { name: "Jane Doe", address: { street: "Main St 1" }, tags: ["vip"], age: 41, isActive: true };
    const hidden = {
      name: "[text of 8 characters]",
      address: { street: "[text of 9 characters]" },
      tags: ["[text of 3 characters]"],
      age: 41,
      isActive: true,
    };
    const line = {
      v: 99,
      body: {
        batch: [
          { type: "identify", traits },
          { event: "E", context: { traits } },
        ],
      },
    };
    expect(withoutTraits(line)).toEqual({
      v: 99,
      body: {
        batch: [
          { type: "identify", traits: hidden },
          { event: "E", context: { traits: hidden } },
        ],
      },
    });
  });
});

describe("a text that is not JSON", () => {
  it("is described by its names, without a value", () => {
    const text = 'e Doe","street":"Main St 1"},"event":"Signed Up","userId":"jane"';
    expect(describeText(text)).toBe("64 characters that are not JSON; names: street, event, userId");
  });
});
