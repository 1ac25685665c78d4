// Lists the names of properties whose value leads to a device or to a person, as data. Cookieless events lose them at any depth,
// including click ids and advertising ids. A name is compared by its words: `deviceId`, `device_id`, `device-id` are the same.

import { isAdvertisingKey } from "@behaviour/contract";

/** Whole names, their words joined. */
const NAMES: ReadonlySet<string> = new Set(
  // Devices and installations.
  (
    "idfa idfv gaid aaid adid oaid waid imei imsi meid iccid msisdn mac macaddress udid serial serialnumber fingerprint " +
    "useragent useragentdata ua hardwareid androidid " +
    // Cookies of analytics and advertising, and their contents.
    "cookie cookies ga gid cid sid fbp fbc ttp uuid guid uid tid ajsanonymousid ajsuserid amp mp gcl gclau gclaw gcldc " +
    "gclgb hubspotutk mkttok kx scid " +
    // Persons and their locations.
    "mail mobile telephone username login nickname firstname lastname middlename fullname surname " +
    "birthday birthdate dateofbirth dob ssn address street latitude longitude lat lng lon " +
    // Network addresses.
    "ip ipaddress ipv4 ipv6 clientip userip realip remoteip remoteaddr forwardedfor xforwardedfor"
  ).split(" "),
);

/** Words that suffice at any position in a name: `phoneNumber`, `hashedEmail`. */
const ANYWHERE: ReadonlySet<string> = new Set(
  "email emails phone phones imei idfa gaid fingerprint cookie cookies".split(" "),
);

/** Words for an owner whose id leads to a device or a person. */
const OWNERS: ReadonlySet<string> = new Set(
  (
    "device client user session visitor visit anonymous anon distinct customer account member person profile subscriber contact " +
    "lead patient student employee guest player login identity vendor install installation instance push registration " +
    "tracking track ad ads advertising browser external rudder amplitude mixpanel segment braze hubspot intercom " +
    "posthog snowplow ga google facebook fb meta tiktok twitter linkedin adjust appsflyer branch singular kochava click " +
    "cookie fcm apns firebase onesignal heap matomo domain network group previous org organization household card auth " +
    "access refresh csrf request correlation trace window tab page view pageview"
  ).split(" "),
);

const IDS: ReadonlySet<string> = new Set(
  "id ids uid uuid guid token tokens key hash hashes fingerprint number".split(" "),
);

const WORDS = /[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+/g;
/** A longer name is read from its end only, because the end says what the property is. */
const LONGEST_NAME = 128;

export function leadsToDevice(key: string): boolean {
  const words = (key.slice(-LONGEST_NAME).match(WORDS) ?? []).map((word) => word.toLowerCase());
  if (isAdvertisingKey(key) || NAMES.has(words.join("")) || words.some((word) => ANYWHERE.has(word))) return true;
  const last = words.at(-1) ?? "";
  if (!IDS.has(last)) {
    // `deviceid`, all in lower case.
    const owner = /^([a-z]+?)(?:uu|gu|u)?ids?$/.exec(last)?.[1];
    return owner !== undefined && OWNERS.has(owner);
  }
  return words.slice(0, -1).some((word) => OWNERS.has(word));
}
