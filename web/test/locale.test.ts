/** Tests that the pages work with every language a browser may report. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { usableLocales } from "../locale.ts";

const FOLDER = join(import.meta.dirname, "..");

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

test.each<[(string | undefined)[], string[]]>([
  [["en-US@posix"], ["en-US"]],
  [
    ["de-DE.UTF-8@euro", "fr"],
    ["de-DE", "fr", "en-US"],
  ],
  [["en_GB"], ["en-GB", "en-US"]],
  [["C"], ["en-US"]],
  [["POSIX"], ["posix", "en-US"]],
  [["", undefined, "x", "123456789", "en-", "@", "\u0000"], ["en-US"]],
  [
    ["zh-hant-tw", "sr-latn"],
    ["zh-Hant-TW", "sr-Latn", "en-US"],
  ],
  [[], ["en-US"]],
])("of %j Intl takes %j", (languages, expected) => {
  const usable = usableLocales(languages);
  expect(usable).toEqual(expected);
  expect(() => [new Intl.NumberFormat(usable), new Intl.DateTimeFormat(usable)]).not.toThrow();
});

/** Stubs the parts of a browser that the modules read while they load. */
function stubBrowser(language: string, languages: readonly string[] | undefined): void {
  const nothing = () => {};
  const media = { addEventListener: nothing, addListener: nothing, removeEventListener: nothing, matches: false };
  vi.stubGlobal("navigator", { language, languages });
  vi.stubGlobal("document", { createElement: () => ({ style: {}, classList: { add: nothing } }) });
  vi.stubGlobal("matchMedia", () => media);
  for (const name of ["addEventListener", "removeEventListener", "dispatchEvent"]) vi.stubGlobal(name, nothing);
  vi.stubGlobal("devicePixelRatio", 1);
  vi.stubGlobal("window", globalThis);
}

test.each([
  ["en-US@posix", ["en-US@posix"]],
  ["C", undefined],
  ["de-DE", ["de-DE", "en"]],
])("with %s the chart's library loads, and figures are written", async (language, languages) => {
  stubBrowser(language, languages);
  await import("../dashboard/charts/minutes-plot.ts");
  const format = await import("../dashboard/format.ts");
  expect(format.formatCount(1_234_567)).toMatch(/1[.,]2/);
  expect(format.formatTime("2026-11-30T10:00:00Z")).toMatch(/\d\d/);
  const { formatPrice } = await import("../demo/catalog.ts");
  expect(formatPrice(16)).toContain("16");
});

test("no formatter is made past the one function", () => {
  const sources = readdirSync(FOLDER, { recursive: true, encoding: "utf8" }).filter((path) =>
    /^(?:dashboard|demo|reference)\/.*\.tsx?$/.test(path),
  );
  expect(sources.length).toBeGreaterThan(20);
  for (const path of sources) {
    const text = readFileSync(join(FOLDER, path), "utf8");
    expect(text, path).not.toMatch(/new Intl\.\w+\((?!LOCALES\b)|\.toLocale|navigator\.language|localeCompare\([^)]*,/);
  }
});
