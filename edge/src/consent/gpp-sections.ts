// Lists the US sections of the Global Privacy Platform, as data: the positions of the opt-outs in a section's core segment. Only
// fields that decide about advertising are here: opt-outs of sale, sharing and targeted advertising, and the GPC subsection.
// https://github.com/InteractiveAdvertisingBureau/Global-Privacy-Platform, Sections/US-National and Sections/US-States, each
// section's "Core Segment" table; the section ids are from "Sections/Section Information". @iabgpp/cmpapi 3.2.0 is the
// oracle in the tests.

export interface UsSection {
  /** API prefix. */
  name: string;
  /** First bits of the two-bit fields whose value 1 means "opted out". */
  optOutsAt: readonly number[];
  /** A subsection may carry the browser's Global Privacy Control. */
  hasGpc: boolean;
}

/** Version (6 bits), three two-bit notices, then the opt-outs. Most states use this form. */
const AFTER_THREE_NOTICES = [12, 14];
/** Utah and Iowa have a fourth notice, about sensitive data. */
const AFTER_FOUR_NOTICES = [14, 16];
/** The newest form: version, MSPA transaction and mode, three notices. */
const AFTER_MSPA_FIELDS = [16, 18];

function section(name: string, optOutsAt: readonly number[], gpc: "gpc" | "no gpc"): UsSection {
  return { name, optOutsAt, hasGpc: gpc === "gpc" };
}

export const US_SECTIONS: ReadonlyMap<number, UsSection> = new Map([
  // Versions 1 and 2 differ only after these fields.
  [7, section("usnat", [18, 20, 22], "gpc")],
  [8, section("usca", AFTER_THREE_NOTICES, "gpc")],
  [9, section("usva", AFTER_THREE_NOTICES, "no gpc")],
  [10, section("usco", AFTER_THREE_NOTICES, "gpc")],
  [11, section("usut", AFTER_FOUR_NOTICES, "no gpc")],
  [12, section("usct", AFTER_THREE_NOTICES, "gpc")],
  [13, section("usfl", AFTER_THREE_NOTICES, "no gpc")],
  [14, section("usmt", AFTER_THREE_NOTICES, "gpc")],
  [15, section("usor", AFTER_THREE_NOTICES, "gpc")],
  [16, section("ustx", AFTER_THREE_NOTICES, "gpc")],
  [17, section("usde", AFTER_THREE_NOTICES, "gpc")],
  [18, section("usia", AFTER_FOUR_NOTICES, "gpc")],
  [19, section("usne", AFTER_THREE_NOTICES, "gpc")],
  [20, section("usnh", AFTER_THREE_NOTICES, "gpc")],
  [21, section("usnj", AFTER_THREE_NOTICES, "gpc")],
  [22, section("ustn", AFTER_THREE_NOTICES, "gpc")],
  [23, section("usmn", AFTER_THREE_NOTICES, "gpc")],
  [24, section("usmd", AFTER_MSPA_FIELDS, "gpc")],
  // Their second segment is about sensitive data and has no type.
  [25, section("usin", AFTER_MSPA_FIELDS, "no gpc")],
  [26, section("usky", AFTER_MSPA_FIELDS, "no gpc")],
  [27, section("usri", AFTER_MSPA_FIELDS, "no gpc")],
]);
