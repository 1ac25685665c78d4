// Which law asks what of us, by the caller's country: opt-in, where nothing may be measured before consent, or opt-out, where
// a refusal must be honoured. Data with its source; whoever does not know the country takes the strict one. API.md §4.

export type ConsentRegime = "opt-in" | "opt-out";

/** Changes with every change of the tables below. */
export const REGIMES_VERSION = "2026-11";

interface RegimeEntry {
  regime: ConsentRegime;
  /** ISO 3166-1 alpha-2. */
  countries: readonly string[];
  source: string;
}

const REGIMES: readonly RegimeEntry[] = [
  {
    regime: "opt-in",
    countries: "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split(" "),
    source: "Directive 2002/58/EC, Article 5(3); Regulation (EU) 2016/679",
  },
  { regime: "opt-in", countries: ["IS", "LI", "NO"], source: "EEA Joint Committee Decision No 154/2018" },
  {
    // The outermost regions and dependencies that have a code of their own and to which the same rules apply.
    regime: "opt-in",
    countries: ["AX", "GF", "GP", "MF", "MQ", "RE", "YT"],
    source: "TFEU, Article 355",
  },
  {
    regime: "opt-in",
    countries: ["GB", "GG", "IM", "JE", "GI"],
    source: "Privacy and Electronic Communications Regulations 2003, Regulation 6; UK GDPR",
  },
  { regime: "opt-in", countries: ["CH"], source: "Telecommunications Act (FMG), Article 45c; revised FADP" },
  { regime: "opt-out", countries: ["US"], source: "CCPA/CPRA, Cal. Civ. Code § 1798.120, and the other states' laws" },
];

const BY_COUNTRY = new Map(
  REGIMES.flatMap(({ countries, regime }) => countries.map((code) => [code, regime] as const)),
);
/** `XX` is Cloudflare's word for unknown, `T1` for Tor. */
const UNKNOWN_COUNTRIES: ReadonlySet<string> = new Set(["", "XX", "T1"]);

/** @param projectDefault for countries of which the table says nothing. */
export function regimeOf(country: string | null, projectDefault: ConsentRegime = "opt-in"): ConsentRegime {
  if (country === null || UNKNOWN_COUNTRIES.has(country)) return "opt-in";
  return BY_COUNTRY.get(country) ?? projectDefault;
}
