// Lists the parameters that lead from an address back to one click on an advertisement, one mail to one reader, or one share by
// one person. Each has its owner, and says whether a visit that carries it was paid for. Names are in lower case.
//
// Sources, read November 2026: the networks' own documentation (Google Ads "auto-tagging", Meta "fbclid", Microsoft
// "msclkid", TikTok "ttclid", Impact "irclickid" and "irclid", Klaviyo "_kx"); the lists that browsers strip by:
// Brave (https://github.com/brave/brave-core, components/query_filter), Firefox (privacy.query_stripping.strip_list),
// AdGuard (https://github.com/AdguardTeam/AdguardFilters, TrackParamFilter); and
// https://github.com/henkisdabro/platform-url-click-id-parameters. Names that are words of pages as well (`cid`, `cmp`, `si`,
// `ad_id`, `source`) are left out, because a parameter that is stripped by mistake is lost.

/** Increases with every change, so that the list that was applied to an event can be named. */
export const CLICK_IDS_VERSION = "2026-11-30";

export interface ClickId {
  owner: string;
  /** The parameter comes from an advertisement, so the visit counts as paid. */
  isPaid: boolean;
}

/** The owner, and the parameters that it sets. */
const PAID: readonly (readonly [owner: string, names: string])[] = [
  ["Google", "gclid gbraid wbraid gclsrc dclid gad_source gad_campaignid"],
  ["Facebook", "fbclid"],
  ["Bing", "msclkid"],
  ["TikTok", "ttclid"],
  ["X", "twclid"],
  ["LinkedIn", "li_fat_id"],
  ["Pinterest", "epik"],
  ["Reddit", "rdt_cid"],
  ["Snapchat", "sccid"],
  ["Yandex", "yclid ymclid"],
  ["Quora", "qclid"],
  ["Impact", "irclickid irclid"],
  ["Taboola", "tblci"],
  ["Outbrain", "obclid dicbo"],
  ["Teads", "auctid"],
  ["Amazon", "awclid maas"],
  ["Adobe", "s_kwcid ef_id"],
  ["Awin", "awc"],
  ["CJ", "cjevent cjdata"],
  ["ShareASale", "sscid"],
  ["Rakuten", "ranmid raneaid ransiteid"],
  ["Zanox", "zanpid"],
  ["Kochava", "ko_click_id"],
  ["Wicked Reports", "wickedid"],
];

/** Includes parameters whose owner no document names: they do not prove an advertisement. */
const PERSONAL: readonly (readonly [owner: string, names: string])[] = [
  ["Instagram", "igshid igsh"],
  ["Klaviyo", "_kx"],
  ["Mailchimp", "mc_eid"],
  ["HubSpot", "_hsenc __hssc __hstc __hsfp hsctatracking"],
  ["Marketo", "mkt_tok"],
  ["MailerLite", "ml_subscriber ml_subscriber_hash"],
  ["Omeda", "oly_anon_id oly_enc_id"],
  ["Vero", "vero_id vero_conv"],
  ["Drip", "__s"],
  ["Bronto", "_bta_tid _bta_c"],
  ["OpenStat", "_openstat"],
  ["Yandex", "ysclid"],
  ["unknown", "oppref rb_clickid"],
];

/** By the parameter's name. */
export const CLICK_IDS: ReadonlyMap<string, ClickId> = new Map([
  ...entriesOf(PAID, true),
  ...entriesOf(PERSONAL, false),
]);

function entriesOf(owners: readonly (readonly [string, string])[], isPaid: boolean): [string, ClickId][] {
  return owners.flatMap(([owner, names]) =>
    names.split(" ").map((name): [string, ClickId] => [name, { owner, isPaid }]),
  );
}

/** Keys whose value is an advertising identifier but not a click id: names of cookies, ids of devices. */
export const ADVERTISING_KEYS: ReadonlySet<string> = new Set([
  ...CLICK_IDS.keys(),
  ..."fbc _fbc fbp _fbp _gcl_aw _gcl_au _gcl_dc _gcl_gb _gcl_gs _gcl_ag _ttp _uetmsclkid advertisingid idfa gaid".split(
    " ",
  ),
]);
