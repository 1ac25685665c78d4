// Finds the consent regime by law in the caller's country, from versioned data: one row per country or region, with its source.
// Opt-in: an unknown purpose is denied. Opt-out: an unknown purpose is granted.

import type { ProjectSettings } from "@behaviour/contract";
import type { Regime } from "./decide.ts";

/** As of 2026-11-01. */
interface RegimeRow {
  countries: readonly string[];
  regime: Regime;
  source: string;
}

const ROWS: readonly RegimeRow[] = [
  {
    countries: "AT BE BG HR CY CZ DE DK EE ES FI FR GR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split(" "),
    regime: "opt-in",
    source: "Directive 2002/58/EC art. 5(3) (ePrivacy) with Regulation (EU) 2016/679 (GDPR) art. 4(11), 7",
  },
  // Outermost regions of member states have their own country codes, and the same law.
  {
    countries: "AX GF GP MF MQ RE YT".split(" "),
    regime: "opt-in",
    source: "TFEU art. 349, 355: Union law applies in the outermost regions",
  },
  {
    countries: "IS LI NO".split(" "),
    regime: "opt-in",
    source: "EEA Joint Committee Decision 154/2018 (GDPR incorporated into the EEA Agreement)",
  },
  {
    countries: "GB GI JE GG IM".split(" "),
    regime: "opt-in",
    source: "UK GDPR; Privacy and Electronic Communications Regulations 2003 reg. 6, and the islands' equivalents",
  },
  {
    countries: ["CH"],
    regime: "opt-in",
    source: "Federal Act on Data Protection (revFADP, 2023) with Telecommunications Act art. 45c; treated as the EEA",
  },
  {
    countries: ["US"],
    regime: "opt-out",
    source: "California Civil Code § 1798.120, .135 (CCPA/CPRA) and the other states' opt-out statutes",
  },
];

const BY_COUNTRY: ReadonlyMap<string, Regime> = new Map(
  ROWS.flatMap((row) => row.countries.map((country) => [country, row.regime] as const)),
);

/** Cloudflare's codes for an unknown country and for the Tor network. */
const NOWHERE = new Set(["XX", "T1"]);

/**
 * @param country ISO 3166-1 alpha-2 as Cloudflare reports it; null if Cloudflare reports no country.
 * @param projectDefault for countries without a row here.
 */
export function regimeOf(country: string | null, projectDefault: Regime): Regime {
  // If the caller's country is unknown, the strictest law that may apply is used.
  if (country === null || NOWHERE.has(country)) return "opt-in";
  return BY_COUNTRY.get(country) ?? projectDefault;
}

/** The country that Cloudflare reports for the request. The header is used if the runtime provides no `cf`. */
export function callerCountry(request: Request): string | null {
  const cf = request.cf as IncomingRequestCfProperties | undefined;
  return cf?.country ?? request.headers.get("CF-IPCountry")?.toUpperCase() ?? null;
}

/** The regime that the project chose, otherwise the regime of the caller's country. */
export function callerRegime(country: string | null, settings: ProjectSettings): Regime {
  return settings.consentRegime ?? regimeOf(country, settings.defaultRegime ?? "opt-in");
}
