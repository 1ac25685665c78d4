// Stages 5 and 6 compute the event's time and the fields that follow from the event and its request. Pure: no clock, no I/O. Each
// enrichment is a file in ./enrich. This file only defines their order and what each may see of the others.

import {
  type EnrichedEvent,
  eventTime,
  isOn,
  type JsonObject,
  type PiiFinding,
  stripClickIds,
  stripClickIdText,
  stripContext,
} from "@behaviour/contract";
import { cutNamedAddress } from "./enrich/address.ts";
import { NO_CAMPAIGN, readCampaign } from "./enrich/campaign.ts";
import { NOWHERE, readGeography } from "./enrich/geography.ts";
import { readLibrary } from "./enrich/library.ts";
import { NO_PAGE, readPage } from "./enrich/page.ts";
import { classifyReferral, NO_REFERRAL } from "./enrich/referrer.ts";
import { readSessionId } from "./enrich/session.ts";
import { readUserAgent, UNKNOWN_AGENT } from "./enrich/user-agent.ts";
import type { UnpackedEvent } from "./unpack.ts";

/** The fields that are known without the vault, the clock and the event's place in the stream. */
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

/** @param found personal data of the second kind that was masked in the event. */
export function enrich(unpacked: UnpackedEvent, found: readonly PiiFinding[] = []): Enrichment {
  const { envelope } = unpacked;
  const { settings } = envelope;
  const event = unpacked.consent === "accept" ? unpacked : withoutAdvertisingIds(unpacked);
  const { properties, traits } = event;
  const time = eventTime({
    timestamp: event.timestamp,
    sentAt: event.sentAt,
    receivedAtMs: envelope.receivedAtMs,
    isRetry: envelope.retry,
    anyPast: envelope.anyPast,
  });
  // Only a caller with a secret key may name a person's address. The request's own address then says nothing about the person.
  const ownAddress = envelope.secret ? cutNamedAddress(event.context.ip) : null;
  const speaksForAnother = ownAddress !== null;
  const context = withAddress(event.context, ownAddress ?? envelope.source.ip);

  // A disabled enrichment leaves its columns empty. Other enrichments may still read its input.
  const sentPage = readPage(event.type, properties, context);
  const sentCampaign = readCampaign(context, sentPage.url);
  const page = isOn(settings, "page") ? sentPage : NO_PAGE;
  const campaign = isOn(settings, "campaign") ? sentCampaign : NO_CAMPAIGN;
  const looksAtClicks = isOn(settings, "clickId");
  const referral = isOn(settings, "referrer") ? classifyReferral(sentPage, sentCampaign, looksAtClicks) : NO_REFERRAL;
  const geography = isOn(settings, "geography") ? readGeography(envelope.source, context, speaksForAnother) : NOWHERE;
  const agent = readUserAgent(context, envelope.source, envelope.secret);
  const device = isOn(settings, "userAgent") ? agent : UNKNOWN_AGENT;

  return {
    project: envelope.project,
    messageId: event.messageId,
    type: event.type,
    event: event.name,
    timeMs: time.timeMs,
    receivedAtMs: envelope.receivedAtMs,
    sentAtMs: time.sentAtMs,
    originalTimeMs: time.originalMs,
    sessionId: isOn(settings, "session") ? readSessionId(context) : null,
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
    device: device.device,
    os: device.os,
    osVersion: device.osVersion,
    browser: device.browser,
    browserVersion: device.browserVersion,
    isBot: isOn(settings, "bot") && agent.isBot,
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
    pii: allFindings(event.pii, found),
  };
}

/** The edge's findings come first. Nearly every event has no findings; it gets null, not an empty list. */
function allFindings(edge: readonly PiiFinding[], own: readonly PiiFinding[]): PiiFinding[] | null {
  return edge.length + own.length === 0 ? null : [...edge, ...own];
}

/** `restricted` and `cookieless` allow no advertising use, so click ids are removed before anything is derived from them. */
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
