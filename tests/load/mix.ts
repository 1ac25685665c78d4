// The default load: events as websites send them. 400 events (`mix.ndjson`), 54 % track, 38 % page, 8 % identify with an e-mail
// address in its traits, 40 names by Zipf's law, from 389 devices, in the fields of analytics.js, 870 bytes on average.

import { readFileSync } from "node:fs";

/** An event as it is sent, without the fields that make it new each time: `messageId` and `timestamp`. */
export interface LoadEvent {
  type: "track" | "page" | "identify";
  anonymousId: string;
  userId?: string | null;
  [field: string]: unknown;
}

interface Tables {
  userAgents: string[];
  /** Locale and time zone. */
  places: [string, string][];
  campaigns: Record<string, string>[];
}

/** A line of the file: the fields that differ from event to event, and indexes into the tables of its first line. */
interface Line {
  type: LoadEvent["type"];
  /** The name of a track event. */
  name?: string;
  userId: string | null;
  anonymousId: string;
  /** Properties or traits. For a page view they describe the page itself. */
  details?: object;
  path: string;
  search: string;
  agent: number;
  place: number;
  campaign?: number;
}

export function readMix(): LoadEvent[] {
  const [tables, ...lines] = readFileSync(new URL("mix.ndjson", import.meta.url), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as unknown);
  return lines.map((line) => unfold(line as Line, tables as Tables));
}

function unfold(line: Line, { userAgents, places, campaigns }: Tables): LoadEvent {
  const { type, userId, anonymousId, path, search } = line;
  const title = `Northway ${path}`;
  const url = `https://shop.example.com${path}${search}`;
  const page = { path, referrer: "https://www.example.org/", search, title, url };
  const [locale, timezone] = places[line.place] ?? [];
  return {
    type,
    integrations: {},
    userId,
    anonymousId,
    ...(type === "track" ? { event: line.name } : {}),
    ...(type === "page" ? { name: title } : {}),
    ...(type === "identify" ? { traits: line.details } : { properties: type === "page" ? page : line.details }),
    context: {
      page,
      userAgent: userAgents[line.agent],
      locale,
      timezone,
      library: { name: "analytics.js", version: "npm:next-1.84.3" },
      ...(line.campaign === undefined ? {} : { campaign: campaigns[line.campaign] }),
    },
  };
}
