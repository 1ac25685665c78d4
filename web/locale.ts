/**
 * The browser's languages, as far as `Intl` takes them. A Chromium without a locale says `en-US@posix`, others say `C` or
 * `en_US`, and `Intl` throws a RangeError for each: no page may end at a number's thousands separator.
 */

const FALLBACK = "en-US";

/** What `Intl` takes of them, in their order, and a language of ours at the end: never empty, and never refused. */
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

/** What every formatter of the pages is made with. */
export const LOCALES: readonly string[] = usableLocales([...(navigator.languages ?? []), navigator.language]);

/** For what reads `navigator.language` itself: uPlot does as it is loaded, so this module has to come before it. */
if (usableLocale(navigator.language) !== navigator.language) {
  Object.defineProperty(navigator, "language", { value: LOCALES[0], configurable: true });
}
