// Stages 5 and 6: the event's time, and everything that can be read off it and its request. Pure: no clock, no I/O. Each
// enrichment is a file in ./enrich; this one only says in which order they run and what they may see of each other.

import { type EnrichedEvent, eventTime } from "@behaviour/contract";
import { cutAddress } from "./enrich/address.ts";
import { readCampaign } from "./enrich/campaign.ts";
import { stripClickIds, stripClickIdText, stripContext } from "./enrich/click-ids.ts";
import { readGeography } from "./enrich/geography.ts";
import { readLibrary } from "./enrich/library.ts";
import { readPage } from "./enrich/page.ts";
import { classifyReferral } from "./enrich/referrer.ts";
import { readSessionId } from "./enrich/session.ts";
import { readUserAgent } from "./enrich/user-agent.ts";
import type { JsonObject, UnpackedEvent } from "./unpack.ts";

/** What is known without the vault, the clock and the event's place in the stream. */
export type Enrichment = Omit<
  EnrichedEvent,
  | "v"
  | "processedAtMs"
  | "subject"
  | "anonymousSubject"
  | "groupSubject"
  | "previousSubject"
  | "suspect"
  | "rawShard"
  | "position"
>;

export function enrich(unpacked: UnpackedEvent): Enrichment {
  const { envelope } = unpacked;
  const event = unpacked.consent === "accept" ? unpacked : withoutAdvertisingIds(unpacked);
  const { properties, traits } = event;
  const time = eventTime({
    timestamp: event.timestamp,
    sentAt: event.sentAt,
    receivedAtMs: envelope.receivedAtMs,
    isRetry: envelope.retry,
    anyPast: envelope.anyPast,
  });
  // Only who holds a secret key is believed about another's address; then the request's own says nothing about the person.
  const ownAddress = envelope.secret ? cutAddress(event.context.ip) : null;
  const speaksForAnother = ownAddress !== null;
  const context = withAddress(event.context, ownAddress ?? envelope.source.ip);

  const page = readPage(event.type, properties, context);
  const campaign = readCampaign(context, page.url);
  const referral = classifyReferral(page, campaign);
  const geography = readGeography(envelope.source, context, speaksForAnother);
  const agent = readUserAgent(context, envelope.source.userAgent, envelope.secret);

  return {
    project: envelope.project,
    messageId: event.messageId,
    type: event.type,
    event: event.name,
    timeMs: time.timeMs,
    receivedAtMs: envelope.receivedAtMs,
    sentAtMs: time.sentAtMs,
    originalTimeMs: time.originalMs,
    sessionId: readSessionId(context),
    consent: event.consent,
    url: page.url,
    path: page.path,
    title: page.title,
    referrer: page.referrer,
    referrerMedium: referral.referrerMedium,
    referrerSource: referral.referrerSource,
    country: geography.country,
    region: geography.region,
    city: geography.city,
    device: agent.device,
    os: agent.os,
    osVersion: agent.osVersion,
    browser: agent.browser,
    browserVersion: agent.browserVersion,
    isBot: agent.isBot,
    utmSource: campaign.utmSource,
    utmMedium: campaign.utmMedium,
    utmCampaign: campaign.utmCampaign,
    utmTerm: campaign.utmTerm,
    utmContent: campaign.utmContent,
    library: readLibrary(context),
    keyId: envelope.keyId,
    properties: properties as EnrichedEvent["properties"],
    traits: traits as EnrichedEvent["traits"],
    context: context as EnrichedEvent["context"],
  };
}

/** `restricted` and `cookieless` allow no advertising use: click ids go before anything is derived from them. */
function withoutAdvertisingIds(event: UnpackedEvent): UnpackedEvent {
  return {
    ...event,
    name: event.name === null ? null : stripClickIdText(event.name),
    properties: stripClickIds(event.properties),
    traits: stripClickIds(event.traits),
    context: stripContext(event.context),
  };
}

/** A copy, because a batch's events may share one context. */
function withAddress(context: JsonObject, address: string | null): JsonObject {
  if (address !== null) return { ...context, ip: address };
  if (!("ip" in context)) return context;
  const { ip: _uncut, ...kept } = context;
  return kept;
}
