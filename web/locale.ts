/**
 * Selects the browser's languages that `Intl` accepts. A Chromium without a locale reports `en-US@posix`, other browsers
 * report `C` or `en_US`, and `Intl` throws a RangeError for each. A page must not fail because of number formatting.
 */

const FALLBACK = "en-US";

/** The languages that `Intl` accepts, in their order, and our fallback at the end. Never empty, and never refused by `Intl`. */
export function usableLocales(languages: readonly (string | undefined)[]): string[] {
  const usable = languages.flatMap((language) => usableLocale(language) ?? []);
  return [...new Set([...usable, FALLBACK])];
}

/** POSIX writes `language_TERRITORY.charset@modifier`. */
function usableLocale(language: string | undefined): string | undefined {
  const tag = (language ?? "").replace(/[.@].*$/s, "").replaceAll("_", "-");
  try {
    return Intl.getCanonicalLocales(tag)[0];
  } catch {
    return undefined;
  }
}

/** Every formatter of the pages is created with these locales. */
export const LOCALES: readonly string[] = usableLocales([...(navigator.languages ?? []), navigator.language]);

/** uPlot reads `navigator.language` itself when it loads, so this module must be imported before it. */
if (usableLocale(navigator.language) !== navigator.language) {
  Object.defineProperty(navigator, "language", { value: LOCALES[0], configurable: true });
}
