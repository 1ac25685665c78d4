// Every function that reads bytes chosen by a client, as a function of one text: the edge's readers of requests, the processor's
// readers of events, and the query side's readers of cursors. A new reader must be added here.

import { cleanText } from "../../backend/src/clean-text.ts";
import { fieldHint } from "../../backend/src/personal-data/field-names.ts";
import { Masking } from "../../backend/src/personal-data/mask.ts";
import { maskPlainText } from "../../backend/src/personal-data/plain-text.ts";
import { scanText } from "../../backend/src/personal-data/scan.ts";
import { cutNamedAddress } from "../../backend/src/process/enrich/address.ts";
import { readCampaign } from "../../backend/src/process/enrich/campaign.ts";
import { readHintHeaders, readUserAgentData } from "../../backend/src/process/enrich/client-hints.ts";
import { hostOf, readPage } from "../../backend/src/process/enrich/page.ts";
import { classifyReferral } from "../../backend/src/process/enrich/referrer.ts";
import { readUserAgent } from "../../backend/src/process/enrich/user-agent.ts";
import { CursorSigner } from "../../backend/src/query/cursor.ts";
import { clickIdSource, stripClickIdText } from "../../contract/src/click-ids.ts";
import { boundedPointer } from "../../contract/src/json-pointer.ts";
import { parseKey } from "../../contract/src/keys.ts";
import { plainText } from "../../contract/src/percent.ts";
import { isPlaceholder } from "../../contract/src/placeholder.ts";
import { parseTime } from "../../contract/src/time.ts";
import { cutAddress } from "../../edge/src/access/address.ts";
import { compileOrigins, originAllowed } from "../../edge/src/access/origin.ts";
import { isJson } from "../../edge/src/body/json-text.ts";
import { batchItemTexts, memberText } from "../../edge/src/body/slices.ts";
import { cutAddresses } from "../../edge/src/collect/addresses.ts";
import { lighten } from "../../edge/src/collect/lighten.ts";
import { repair } from "../../edge/src/collect/repair.ts";
import { ingestRoute } from "../../edge/src/collect/routes.ts";
import { isBlank, scan, textNeedsCare } from "../../edge/src/collect/scan.ts";
import { withBareUrls } from "../../edge/src/consent/bare-url.ts";
import { leadsToDevice } from "../../edge/src/consent/device-keys.ts";
import { readGppString } from "../../edge/src/consent/gpp.ts";
import { readTcString } from "../../edge/src/consent/tcf.ts";
import { readUspString } from "../../edge/src/consent/usp.ts";
import { faultText } from "../../edge/src/fault-text.ts";
import { backendAddress } from "../../edge/src/gateway/backend-address.ts";
import { ALL_PII } from "../../edge/src/pii/classes.ts";
import { bodyMayHold } from "../../edge/src/pii/hints.ts";
import { RequestRedaction } from "../../edge/src/pii/redact.ts";
import { redactText } from "../../edge/src/pii/text.ts";

export interface ClientReader {
  name: string;
  read: (text: string) => unknown;
  /** The pieces that it looks for, in addition to the pieces for all readers. */
  pieces?: readonly string[];
}

const JSON_PIECES = [
  '"',
  '\\"',
  "\\",
  "{",
  "[",
  "]",
  "}",
  ",",
  ":",
  '{"a":',
  '["a",',
  '"batch":',
  '{"batch":[',
  "\\u0000",
  "1e5",
];
const URL_PIECES = [
  "http://",
  "http://a.b/",
  "?",
  "&",
  "=",
  "?a=",
  "&a=b",
  "#",
  ";",
  "@",
  "%",
  "%26",
  "%25",
  "/",
  ".",
  "utm_source=",
];
const NO_AGENT = { userAgent: null, clientHints: undefined };
const ORIGINS = compileOrigins(["https://*.example.com", "https://shop.test"]);
const SIGNER = new CursorSigner("a secret of the installation");
const NO_CAMPAIGN = { utmSource: null, utmMedium: null, utmCampaign: null, utmTerm: null, utmContent: null };

/** A field of an event, as the processor masks it. */
function maskField(name: string): (text: string) => unknown {
  return (text) => new Masking({}, "DE", 1).mask(text, scanText(text), fieldHint(name, null));
}

const PII_PIECES = [
  ..."eyJ|.eyJ|eyJaaaaaaaaa.|@|a@|@a.|a@b.|a@b.cd|%40|a%40b.cd|%2540|%25|=|?token=|&pass=|?pass%3D|&code=a1B2".split(
    "|",
  ),
  ..."://|a://|a://b|;|;a=|token=|4|4111 |4111-|1 |+|BEGIN |-----BEGIN PRIVATE KEY-----|-----END |AKIA|AIza".split("|"),
  ..."k_live_|sk_live_a|xoxb-|ghp_|github_pat_|_|A|J|[|]|[email]|urn:li:|é|漢|-|.|'".split("|"),
];

const MASKED_FIELDS = ["note", "phone", "ssn", "taxId"];
const FIELD_PIECES = [
  ..."+|+1|+49 170 1234567|030 |0|1|1 |(|(0|-|/|tel:|%2B|%2B49170|DE89|DE89 |DE89370400440532013000|ABCDEF12".split(
    "|",
  ),
  ..."RSSMRA85T10A562S|536-90-4399|131052-308T|12-|1.|756.|%20|\u00a0|x".split("|"),
];

export const CLIENT_READERS: readonly ClientReader[] = [
  // The edge: bodies, headers, events.
  { name: "personal data in a text", read: (text) => redactText(text), pieces: PII_PIECES },
  { name: "hints over a body", read: (text) => bodyMayHold(text), pieces: PII_PIECES },
  {
    name: "personal data in an event",
    read: (text) => new RequestRedaction({}).redact({ properties: { [text.slice(0, 128)]: text, list: [text] } }),
    pieces: PII_PIECES,
  },
  { name: "layers of percent-encoding", read: plainText, pieces: ["%", "%2", "%25", "%2525", "%40", "%4", "25"] },
  { name: "the scan of an event", read: (text) => scan({ properties: { text } }, true, ALL_PII), pieces: PII_PIECES },
  {
    name: "the repair of an event",
    read: (text) => repair({ properties: { [text]: text } }),
    pieces: ["\u0001", "\ud800", "~", "/"],
  },
  { name: "escapes of a body", read: textNeedsCare, pieces: JSON_PIECES },
  { name: "blank names", read: isBlank, pieces: [" ", "\u200b", "\u2800"] },
  { name: "heavy bodies", read: (text) => lighten(text, true), pieces: JSON_PIECES },
  { name: "the JSON of an item", read: isJson, pieces: JSON_PIECES },
  { name: "the items of a batch", read: batchItemTexts, pieces: JSON_PIECES },
  { name: "a member of a body", read: (text) => memberText(text, "context"), pieces: JSON_PIECES },
  { name: "the caller's address", read: cutAddress, pieces: ["1", ".", ":", "::", "1:", "ffff:", "%", " "] },
  {
    name: "addresses in an event",
    read: (text) => cutAddresses({ context: { ip: text, forwarded: text } }, true),
    pieces: ["1.", ":", "::1", ",", "[", "]:1"],
  },
  {
    name: "origins",
    read: (text) => ORIGINS !== null && originAllowed(ORIGINS, text),
    pieces: URL_PIECES,
  },
  { name: "routes", read: ingestRoute, pieces: ["/", "/v1/", "v1"] },
  {
    name: "addresses of the backend",
    read: (text) => backendAddress(new URL(`http://a.test/${encodeURI(text.toWellFormed())}`)),
    pieces: URL_PIECES,
  },
  { name: "keys", read: parseKey, pieces: ["pk_live_", "a"] },
  { name: "placeholders", read: isPlaceholder },
  { name: "pointers", read: (text) => boundedPointer([text, text]), pieces: ["~", "/"] },
  { name: "what a fault says", read: (text) => faultText(new Error(text)), pieces: [...PII_PIECES, '"', "`", "'"] },
  // Consent.
  {
    name: "GPP",
    read: (text) => readGppString(text, [2, 7], false),
    pieces: ["D", "DBAB", "DBABuUUQVQkL", "~", "B", "A", "/", "__"],
  },
  { name: "TCF", read: (text) => readTcString(text, true), pieces: ["C", "CP", "A", ".", "_"] },
  { name: "US privacy", read: readUspString, pieces: ["1", "Y", "N"] },
  { name: "addresses of cookieless events", read: withBareUrls, pieces: URL_PIECES },
  { name: "names of a device's ids", read: leadsToDevice, pieces: ["a", "A", "aB", "_", "id", "uu", "clid"] },
  // The processor.
  { name: "times", read: parseTime, pieces: ["2026", "-", ":", "2026-11-30T17:45:34", ".", "1", "+01:00", "Z"] },
  { name: "clean texts", read: cleanText, pieces: ["\u0000", "\ud800", "\u0001"] },
  ...MASKED_FIELDS.map((name) => ({ name: `personal data in ${name}`, read: maskField(name), pieces: FIELD_PIECES })),
  {
    name: "names of fields",
    read: (text) => fieldHint(`${text.slice(0, 100)}${Math.random()}`, text.slice(0, 128)),
    pieces: ["a", "A", "aB", "1", "_", "phone", "number"],
  },
  {
    name: "lines that nobody could read",
    read: maskPlainText,
    pieces: [...PII_PIECES, ...FIELD_PIECES, '"userId":"', '\\"', "bearer ", "\\u0040", "a.", "eyJaaaaaaaa."],
  },
  {
    name: "user agents",
    read: (text) => readUserAgent({ userAgent: `${text.slice(0, 480)}${Math.random()}` }, NO_AGENT, false),
    pieces: ["Mozilla/5.0 ", "(", ")", ";", "/", " ", "Version/", "Chrome/", "Android ", "1.", "bot", "; wv"],
  },
  {
    name: "client hints",
    read: (text) => [
      readHintHeaders({ brands: text, mobile: text, platform: text }),
      readUserAgentData({ brands: [{ brand: text, version: text }], platform: text, platformVersion: text }),
    ],
    pieces: ['"', '"a";v="1"', '";v="', "\\", "not", "not a", " ", ";"],
  },
  {
    name: "click ids",
    read: stripClickIdText,
    pieces: [...URL_PIECES, "gclid=", "?gclid=", "%26gclid%3D", "&gclid=a"],
  },
  { name: "owners of click ids", read: clickIdSource, pieces: [...URL_PIECES, "?gclid=", "&a"] },
  {
    name: "campaigns",
    read: (text) => readCampaign({}, `http://a.test/?${text}`),
    pieces: [...URL_PIECES, "&utm_source=", "+"],
  },
  { name: "pages", read: (text) => readPage("page", { url: text, referrer: text }, {}), pieces: URL_PIECES },
  { name: "hosts", read: (text) => hostOf(`http://${text}`), pieces: [...URL_PIECES, "www.", ":1"] },
  {
    name: "referrers",
    read: (text) =>
      classifyReferral(
        { url: text, path: null, title: null, referrer: `http://${text}` },
        { ...NO_CAMPAIGN, utmMedium: text },
      ),
    pieces: [...URL_PIECES, "www.", "google.", "a."],
  },
  { name: "addresses that a server names", read: cutNamedAddress, pieces: ["1.", ":", "::", "ffff:", "%"] },
  // The query side.
  { name: "cursors", read: (text) => SIGNER.open(text, "question"), pieces: ["a", "-", "_", "="] },
];

/** The pieces for every reader. */
export const COMMON_PIECES: readonly string[] = ["a", "1", " ", "-", ".", "/", "%", "\u0000", "é"];
