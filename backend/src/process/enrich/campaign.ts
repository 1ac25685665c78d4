// Reads the campaign that led to an event: from `context.campaign` if a library set it, else from the page's utm_ parameters.

import { cleanText } from "../../clean-text.ts";
import { objectAt, textOrNull } from "./text.ts";

export interface Campaign {
  utmSource: string | null;
  utmMedium: string | null;
  utmCampaign: string | null;
  utmTerm: string | null;
  utmContent: string | null;
}

export const NO_CAMPAIGN: Campaign = {
  utmSource: null,
  utmMedium: null,
  utmCampaign: null,
  utmTerm: null,
  utmContent: null,
};

export function readCampaign(context: Record<string, unknown>, url: string | null): Campaign {
  const named = objectAt(context, "campaign");
  const fromContext = named === null ? NO_CAMPAIGN : campaignOf(named);
  if (fromContext !== NO_CAMPAIGN) return fromContext;
  return url === null ? NO_CAMPAIGN : campaignOfUrl(url);
}

function campaignOf(named: Record<string, unknown>): Campaign {
  const campaign = {
    utmSource: textOrNull(named.source),
    utmMedium: textOrNull(named.medium),
    utmCampaign: textOrNull(named.name),
    utmTerm: textOrNull(named.term),
    utmContent: textOrNull(named.content),
  };
  return Object.values(campaign).some((value) => value !== null) ? campaign : NO_CAMPAIGN;
}

function campaignOfUrl(url: string): Campaign {
  const query = url.indexOf("?");
  // Nearly every URL ends here.
  if (query < 0 || !/utm_/i.test(url)) return NO_CAMPAIGN;
  const end = url.indexOf("#", query);
  const parameters = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(url.slice(query + 1, end < 0 ? undefined : end))) {
    const key = name.toLowerCase();
    if (key.startsWith("utm_") && !parameters.has(key)) parameters.set(key, value);
  }
  // Decoding can produce characters that no string of the event held: `%00`.
  const read = (name: string) => textOrNull(cleanText(parameters.get(name) ?? ""));
  return {
    utmSource: read("utm_source"),
    utmMedium: read("utm_medium"),
    utmCampaign: read("utm_campaign"),
    utmTerm: read("utm_term"),
    utmContent: read("utm_content"),
  };
}
