// Names of properties whose value leads to a device or to a person, as data. Of a cookieless event they are removed at any
// depth, click ids and advertising ids among them. A name is read by its words: `deviceId`, `device_id`, `device-id` are one.

import { isAdvertisingKey } from "@behaviour/contract";

/** Whole names, their words joined. */
const NAMES: ReadonlySet<string> = new Set(
  // Devices and installations.
  (
    "idfa idfv gaid aaid adid oaid waid imei imsi meid iccid msisdn mac macaddress udid serial serialnumber fingerprint " +
    "useragent useragentdata ua hardwareid androidid " +
    // Cookies of analytics and advertising, and what they hold.
    "cookie cookies ga gid cid sid fbp fbc ttp uuid guid uid tid ajsanonymousid ajsuserid amp mp gcl gclau gclaw gcldc " +
    "gclgb hubspotutk mkttok kx scid " +
    // Persons and where they are.
    "mail mobile telephone username login nickname firstname lastname middlename fullname surname " +
    "birthday birthdate dateofbirth dob ssn address street latitude longitude lat lng lon " +
    // Addresses of the network.
    "ip ipaddress ipv4 ipv6 clientip userip realip remoteip remoteaddr forwardedfor xforwardedfor"
  ).split(" "),
);

/** Words that say it wherever they stand: `phoneNumber`, `hashedEmail`. */
const ANYWHERE: ReadonlySet<string> = new Set(
  "email emails phone phones imei idfa gaid fingerprint cookie cookies".split(" "),
);

/** What has an id, where the id leads to somebody. */
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
/** Of a longer name only the end says what it is. */
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
