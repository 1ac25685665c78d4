// Maps the default category names of consent managers to our purposes. The table is data: it changes when their names change,
// and a project adds its own names (`consentCategories`). Names that match neither purpose (necessary, functional) are listed
// as null, so that nobody adds them by mistake.

import type { ProjectSettings } from "@behaviour/contract";
import type { Purpose } from "./decide.ts";

type Categories = Readonly<Record<string, Purpose | null>>;

/** As of 30 November 2026. */
export const CONSENT_MANAGERS: readonly { name: string; source: string; categories: Categories }[] = [
  {
    name: "Common names",
    source: "docs/API_DOCUMENTATION.md#consent",
    categories: {
      analytics: "analytics",
      performance: "analytics",
      statistics: "analytics",
      measurement: "analytics",
      advertising: "advertising",
      marketing: "advertising",
      ads: "advertising",
      targeting: "advertising",
      personalization: "advertising",
      necessary: null,
      essential: null,
      functional: null,
      preferences: null,
    },
  },
  {
    // Segment's wrapper sends the ids of the groups. Other integrations send their names.
    name: "OneTrust, CookiePro",
    source:
      "https://my.onetrust.com (Managing Cookie Categories); https://www.benluong.com/onetrust-cookiepro-categories/",
    categories: {
      C0001: null,
      C0002: "analytics",
      C0003: null,
      C0004: "advertising",
      C0005: "advertising",
      "Strictly Necessary Cookies": null,
      "Performance Cookies": "analytics",
      "Functional Cookies": null,
      "Targeting Cookies": "advertising",
      "Social Media Cookies": "advertising",
    },
  },
  {
    name: "Cookiebot",
    source: "https://www.cookiebot.com/en/developer/ (Cookiebot.consent)",
    categories: { necessary: null, preferences: null, statistics: "analytics", marketing: "advertising" },
  },
  {
    name: "Usercentrics",
    source: "https://docs.usercentrics.com (categories: essential, functional, marketing)",
    categories: { essential: null, functional: null, marketing: "advertising" },
  },
  {
    name: "Didomi",
    source: "https://developers.didomi.io/cmp/web-sdk/reference/api (purposes)",
    categories: {
      cookies: null,
      analytics: "analytics",
      market_research: "analytics",
      measure_content_performance: "analytics",
      measure_ad_performance: "advertising",
      advertising_personalization: "advertising",
      ad_delivery: "advertising",
      select_basic_ads: "advertising",
      create_ads_profile: "advertising",
      select_personalized_ads: "advertising",
    },
  },
  {
    // Its "functional" includes traffic analysis, unlike other managers' category. A project that means that maps it.
    name: "TrustArc",
    source: "https://help.salesforce.com (the banner as deployed: required, functional, advertising)",
    categories: {
      "Required Cookies": null,
      required: null,
      "Functional Cookies": null,
      "Advertising Cookies": "advertising",
    },
  },
  {
    // `OPT_OUT` is the wish that data is not sold. Its `true` means no, so it is not read as a category.
    name: "Osano",
    source: "https://developers.osano.com/cmp/javascript-api/developer-documentation-consent-javascript-api",
    categories: {
      ESSENTIAL: null,
      STORAGE: null,
      ANALYTICS: "analytics",
      MARKETING: "advertising",
      PERSONALIZATION: "advertising",
    },
  },
  {
    name: "CookieYes",
    source: "https://www.cookieyes.com/documentation/retrieving-consent-data-using-api-getckyconsent/",
    categories: { analytics: "analytics", performance: "analytics", advertisement: "advertising" },
  },
  {
    // Its numbers (1 to 5) are also TCF purposes with other meanings, so only the names are read.
    name: "iubenda, c15t",
    source:
      "https://www.iubenda.com/en/help/1205 (per-category consent); https://c15t.com/docs/shared/concepts/consent-categories",
    categories: { functionality: null, experience: null, measurement: "analytics", marketing: "advertising" },
  },
  {
    name: "Termly",
    source: "https://help.termly.io (cookie categories)",
    categories: {
      performance_and_functionality: null,
      analytics_and_customization: "analytics",
      advertising: "advertising",
      social_networking: "advertising",
      unclassified: null,
    },
  },
  {
    name: "WP Consent API, Complianz",
    source: "https://github.com/WordPress/wp-consent-level-api",
    categories: { "statistics-anonymous": "analytics", statistics: "analytics", marketing: "advertising" },
  },
  {
    name: "Shopify Customer Privacy API",
    source: "https://shopify.dev/docs/api/customer-privacy",
    categories: { sale_of_data: "advertising" },
  },
  {
    name: "Transcend, Ketch",
    source: "https://docs.transcend.io/docs/consent; https://docs.ketch.com",
    categories: {
      SaleOfInfo: "advertising",
      behavioral_advertising: "advertising",
      targeted_advertising: "advertising",
    },
  },
  {
    name: "Google Consent Mode v2",
    source: "https://developers.google.com/tag-platform/security/concepts/consent-mode",
    categories: {
      analytics_storage: "analytics",
      ad_storage: "advertising",
      ad_user_data: "advertising",
      ad_personalization: "advertising",
    },
  },
  {
    name: "Segment Consent Manager",
    source: "https://app.unpkg.com/@segment/consent-manager@5.8.1/files/esm/consent-manager/categories.js",
    categories: { marketingAndAnalytics: "analytics", "Targeting and Advertising": "advertising" },
  },
];

/** `Social Media Cookies`, `social_media` and `social-media-cookies` are the same name. */
function categoryName(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "")
    .replace(/(?<=.)cookies$/, "");
}

const DEFAULTS: ReadonlyMap<string, Purpose> = new Map(
  CONSENT_MANAGERS.flatMap(({ categories }) =>
    Object.entries(categories).flatMap(([name, purpose]) =>
      purpose === null ? [] : [[categoryName(name), purpose] as const],
    ),
  ),
);

/** By lower-case name. */
export type CategorySettings = NonNullable<ProjectSettings["consentCategories"]>;

/** A project's own name, as the project wrote it, takes precedence over the default names. */
export function purposeOf(name: string, own: CategorySettings): Purpose | undefined {
  const lower = name.toLowerCase();
  return Object.hasOwn(own, lower) ? own[lower] : DEFAULTS.get(categoryName(name));
}
