// Classifies where an event's visitor came from, by the referrer's host. `paid` wins, because a click id or a paid medium says
// more than the host. The result is null for a direct visit, which has neither a referrer nor a paid mark.

import { clickIdSource } from "@behaviour/contract";
import type { Campaign } from "./campaign.ts";
import { hostOf, type Page } from "./page.ts";
import { type ReferrerMedium, SOURCES_BY_HOST, SOURCES_BY_NAME } from "./referrer-sources.ts";

export interface Referral {
  referrerMedium: ReferrerMedium | "paid" | "internal" | "unknown" | null;
  /** Name of the source; the host itself if the source is unknown. */
  referrerSource: string | null;
}

const PAID_MEDIUM = /^(?:cpc|ppc|cpm|cpv|cpa|paid|paid[ _-]?(?:search|social)|display|banner|retargeting)$/i;

export const NO_REFERRAL: Referral = { referrerMedium: null, referrerSource: null };

/** @param looksAtClicks whether a click id marks a visit as paid. */
export function classifyReferral(page: Page, campaign: Campaign, looksAtClicks = true): Referral {
  const host = hostOf(page.referrer);
  const known = host === null ? null : findSource(host);
  const clickSource = page.url === null || !looksAtClicks ? null : clickIdSource(page.url);
  if (clickSource !== null || (campaign.utmMedium !== null && PAID_MEDIUM.test(campaign.utmMedium))) {
    return { referrerMedium: "paid", referrerSource: known?.source ?? clickSource ?? campaign.utmSource ?? host };
  }
  if (host === null) return NO_REFERRAL;
  if (isSameSite(host, hostOf(page.url))) return { referrerMedium: "internal", referrerSource: host };
  if (known === null) return { referrerMedium: "unknown", referrerSource: host };
  return { referrerMedium: known.medium, referrerSource: known.source };
}

interface KnownSource {
  source: string;
  medium: ReferrerMedium;
}

/** Finds the longest suffix of the host in the list. Names such as `google` match under any country's domain. */
function findSource(host: string): KnownSource | null {
  let suffix = host;
  while (true) {
    const exact = SOURCES_BY_HOST.get(suffix);
    if (exact !== undefined) return exact;
    const dot = suffix.indexOf(".");
    if (dot < 0) return null;
    const byName = SOURCES_BY_NAME.get(suffix.slice(0, dot));
    if (byName !== undefined && isPublicSuffix(suffix.slice(dot + 1))) return byName;
    suffix = suffix.slice(dot + 1);
  }
}

/** `com`, a country's domain, or its second level such as `co.uk`: enough to distinguish google.co.uk from google.evil.com. */
function isPublicSuffix(suffix: string): boolean {
  return /^(?:com|(?:(?:com?|org|net|ne|or|gov|ac)\.)?[a-z]{2})$/.test(suffix);
}

/** The hosts are equal, or one is a subdomain of the other. */
function isSameSite(host: string, pageHost: string | null): boolean {
  if (pageHost === null) return false;
  return host === pageHost || host.endsWith(`.${pageHost}`) || pageHost.endsWith(`.${host}`);
}
