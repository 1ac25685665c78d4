// Tests which texts the edge treats as personal data, with a table of masked texts and a table of unchanged texts. Also tests
// that masking a second time changes nothing, with random combinations of both tables.

import { describe, expect, it } from "vitest";
import { ALL_PII, NO_PII, PII } from "../../src/pii/classes.ts";
import { FILE_EXTENSIONS } from "../../src/pii/file-extensions.ts";
import { bodyMayHold, textMayHold } from "../../src/pii/hints.ts";
import { redactText } from "../../src/pii/text.ts";
import { FOUND_TEXTS } from "./found.ts";
import { KEPT_TEXTS } from "./kept.ts";

describe("personal data in a text", () => {
  it.each(FOUND_TEXTS)("%j is stored as %j", (text, stored) => {
    expect(redactText(text)?.text).toBe(stored);
    expect(redactText(stored), "masking twice changes nothing").toBeNull();
    expect(textMayHold(text, ALL_PII), "the hint over one text").not.toBe(NO_PII);
    const body = JSON.stringify({ text });
    if (redactText(text)?.classes[0] !== "card") expect(bodyMayHold(body) & ~PII.card, "over a body").not.toBe(NO_PII);
  });

  it.each(KEPT_TEXTS)("%j stays as it is", (text) => expect(redactText(text)).toBeNull());

  it("is told from a file by extensions that are no country's domain", () => {
    const countries = "ai be bo br bz ch co do es fm io it md me ml my no pl ps py rs sh so st tv vi ws".split(" ");
    expect(countries.filter((country) => FILE_EXTENSIONS.has(country))).toEqual([]);
  });
});

/** Mulberry32, so that the same seed produces the same texts. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const GLUE = [
  "",
  " ",
  "&",
  "?",
  "=",
  "#",
  ";",
  "/",
  "://",
  "@",
  "%40",
  ".",
  "-",
  "%25",
  "%3D",
  "%26",
  "1",
  "a",
  "[email]",
];

describe("texts put together at random", () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  it(`are masked once and for all, and never against the hints (seed ${seed})`, () => {
    const random = generator(seed);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
    const sources = [...FOUND_TEXTS.map(([text]) => text), ...KEPT_TEXTS];
    const piece = () => {
      const source = pick(sources);
      const start = Math.floor(random() * source.length);
      const part = source.slice(start, start + 1 + Math.floor(random() * 40));
      return random() < 0.2 ? encodeURIComponent(part) : part;
    };
    for (let round = 0; round < 20_000; round++) {
      let text = "";
      for (let parts = 1 + Math.floor(random() * 6); parts > 0; parts--) text += piece() + pick(GLUE);
      const once = redactText(text);
      if (once === null) continue;
      expect(redactText(once.text), `${JSON.stringify(text)} became ${JSON.stringify(once.text)}`).toBeNull();
      if (once.classes[0] !== "card") {
        expect(bodyMayHold(JSON.stringify(text)) & ~PII.card, JSON.stringify(text)).not.toBe(NO_PII);
      }
    }
  });
});
