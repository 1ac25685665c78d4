// Defines the values of `format` that a plan may use. They are written here and not taken from a library of patterns, so that
// each test is linear in the text: anybody with a public key can send the text.

import { isIP, isIPv4, isIPv6 } from "node:net";
import { parseTime } from "@behaviour/contract";

const DATE = /^\d{4}-\d{2}-\d{2}$/;
const DATE_TIME = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}/;
const UUID = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/;
const HOST_LABEL = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;
const HOST_MAX = 253;

function isHostname(text: string): boolean {
  return text.length <= HOST_MAX && text.split(".").every((label) => HOST_LABEL.test(label));
}

/** The edge masks addresses unless the project allows them, so its mask counts as an address. */
const MASKED_EMAIL = "[email]";

function isEmail(text: string): boolean {
  if (text === MASKED_EMAIL) return true;
  const at = text.lastIndexOf("@");
  return at > 0 && at <= 64 && !/\s/.test(text) && text.includes(".", at) && isHostname(text.slice(at + 1));
}

export const FORMATS: Readonly<Record<string, (text: string) => boolean>> = {
  date: (text) => DATE.test(text) && parseTime(text) !== null,
  "date-time": (text) => DATE_TIME.test(text) && parseTime(text) !== null,
  email: isEmail,
  hostname: isHostname,
  ip: (text) => isIP(text) !== 0,
  ipv4: isIPv4,
  ipv6: isIPv6,
  uri: (text) => URL.canParse(text),
  uuid: (text) => UUID.test(text),
};
