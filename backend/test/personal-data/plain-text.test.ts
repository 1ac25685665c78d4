// Tests personal data in plain text that could not be parsed: masked texts, unchanged texts, and bounded time.

import { describe, expect, it } from "vitest";
import { maskPlainText } from "../../src/personal-data/plain-text.ts";

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
