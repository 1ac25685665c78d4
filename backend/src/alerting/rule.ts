// Defines the schemas of alert rules, which the admin routes and the command line share. Objects are strict: if a mistyped
// `clearThreshold` were ignored, the rule would flap.

import { LIMITS } from "@behaviour/contract";
import * as z from "zod/mini";
import { text, time } from "../operation/parameters.ts";
import { addressProblem } from "../outbound/post.ts";
import { dimension } from "../query/dimension.ts";
import { timezone } from "../query/timezone.ts";

const WINDOW_MAX_MINUTES = 7 * 24 * 60;
/** The buckets are counted again every minute. */
const MINUTE_BUCKETS_MAX = 24 * 60;
const CHANNELS_MAX = 10;
const NAME_MAX_LENGTH = 100;
const URL_MAX_LENGTH = 2_000;

const minutes = (least: number, most: number) => z.int().check(z.gte(least), z.lte(most));
const windowMinutes = (byDefault: number) => z._default(minutes(1, WINDOW_MAX_MINUTES), byDefault);
const percent = z.number().check(z.gt(0), z.lte(100_000));
const share = z.number().check(z.gte(0), z.lte(100));
/** With fewer events a rate or a ratio means nothing. */
const minimumEvents = (byDefault: number) => z._default(z.int().check(z.gte(1), z.lte(1_000_000_000)), byDefault);
const eventName = z.optional(text(LIMITS.eventNameLength));

/** Compares the window with the median of the same window in the four weeks before. */
const VolumeCondition = z.strictObject({
  kind: z.literal("volume"),
  direction: z.enum(["drop", "spike"]),
  event: eventName,
  windowMinutes: windowMinutes(60),
  /** Distance below or above the median, in percent of the median. */
  percent,
  clearPercent: z.optional(percent),
  minimumEvents: minimumEvents(100),
  /** Past weeks are found in this time zone, so that an hour of a Monday is the same hour in summer and in winter. */
  timezone: z._default(timezone, "UTC"),
});

const rate = { windowMinutes: windowMinutes(15), percent: share, clearPercent: z.optional(share) };

const FailedRateCondition = z.strictObject({
  kind: z.literal("failed_rate"),
  ...rate,
  minimumEvents: minimumEvents(50),
});

const ConsentDropRateCondition = z.strictObject({
  kind: z.literal("consent_drop_rate"),
  ...rate,
  minimumEvents: minimumEvents(50),
});

const seconds = z.number().check(z.gte(0), z.lte(7 * 24 * 3_600));
const LagCondition = z.strictObject({
  kind: z.literal("lag"),
  tier: z._default(z.enum(["hot", "warm", "cold"]), "warm"),
  seconds,
  clearSeconds: z.optional(seconds),
});

const ImbalanceCondition = z.strictObject({
  kind: z.literal("imbalance"),
  /** Minutes that do not add up after the settle time. */
  minutes: z._default(z.int().check(z.gte(0), z.lte(1_440)), 0),
});

const TrendCondition = z.strictObject({
  kind: z.literal("trend"),
  event: eventName,
  measure: z._default(z.enum(["events", "users"]), "events"),
  /** As in `/v1/query/trend`. The rule then judges the breakdown value that is furthest out. */
  breakdown: z.optional(z.string().check(z.refine((value) => dimension.safeParse(value).success, "not a dimension"))),
  windowMinutes: windowMinutes(60),
  /** Combines the window's buckets into one number. */
  aggregate: z._default(z.enum(["sum", "max", "min", "average"]), "sum"),
  interval: z._default(z.enum(["minute", "hour", "day"]), "minute"),
  timezone: z._default(timezone, "UTC"),
  operator: z.enum(["above", "below"]),
  threshold: z.number(),
  clearThreshold: z.optional(z.number()),
});

export const AlertCondition = z
  .discriminatedUnion("kind", [
    VolumeCondition,
    FailedRateCondition,
    ConsentDropRateCondition,
    LagCondition,
    ImbalanceCondition,
    TrendCondition,
  ])
  .check((context) => {
    const condition = context.value;
    const refuse = (field: string, message: string) =>
      context.issues.push({ code: "custom", path: [field], message, input: condition });
    const { direction, threshold, clear } = boundsOf(condition);
    const inverted = direction === "above" ? clear > threshold : clear < threshold;
    if (inverted) refuse(clearFieldOf(condition), "would clear an alert while it still fires");
    if (condition.kind === "trend" && condition.interval === "minute" && condition.windowMinutes > MINUTE_BUCKETS_MAX) {
      refuse("interval", "longer than a day needs `hour` or `day`");
    }
  });
export type AlertCondition = z.infer<typeof AlertCondition>;
export type ConditionOf<Kind extends AlertCondition["kind"]> = Extract<AlertCondition, { kind: Kind }>;

/** An observation beyond `threshold` is a breach. An observation on the other side of `clear` ends the breach. */
export interface Bounds {
  direction: "above" | "below";
  threshold: number;
  clear: number;
}

export function boundsOf(condition: AlertCondition): Bounds {
  const above = (threshold: number, clear: number = threshold): Bounds => ({ direction: "above", threshold, clear });
  switch (condition.kind) {
    case "volume":
    case "failed_rate":
    case "consent_drop_rate":
      return above(condition.percent, condition.clearPercent);
    case "lag":
      return above(condition.seconds, condition.clearSeconds);
    case "imbalance":
      return above(condition.minutes);
    case "trend":
      return {
        direction: condition.operator,
        threshold: condition.threshold,
        clear: condition.clearThreshold ?? condition.threshold,
      };
  }
}

function clearFieldOf({ kind }: AlertCondition): string {
  if (kind === "trend") return "clearThreshold";
  return kind === "lag" ? "clearSeconds" : "clearPercent";
}

const TIMING = {
  /** How long the threshold must be breached without a break before the alert fires. */
  forMinutes: minutes(0, 1_440),
  /** How long the observation must be clear before the alert counts as resolved. */
  clearForMinutes: minutes(0, 1_440),
  /** Time between reminders while the alert fires. 0: no reminders. */
  renotifyMinutes: minutes(0, 7 * 1_440),
};
const TIMING_DEFAULTS = { forMinutes: 2, clearForMinutes: 5, renotifyMinutes: 240 };

export const AlertTiming = z.strictObject({
  forMinutes: z._default(TIMING.forMinutes, TIMING_DEFAULTS.forMinutes),
  clearForMinutes: z._default(TIMING.clearForMinutes, TIMING_DEFAULTS.clearForMinutes),
  renotifyMinutes: z._default(TIMING.renotifyMinutes, TIMING_DEFAULTS.renotifyMinutes),
});
export type AlertTiming = z.infer<typeof AlertTiming>;

const WebhookChannel = z.strictObject({
  kind: z.literal("webhook"),
  url: z.string().check(
    z.maxLength(URL_MAX_LENGTH),
    z.refine((value) => addressProblem(value) === null, "not an https address of the public internet"),
  ),
});

const TOPIC_ARN = /^arn:aws[\w-]*:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}(?:\.fifo)?$/;
const SnsChannel = z.strictObject({
  kind: z.literal("sns"),
  topicArn: z.string().check(z.regex(TOPIC_ARN, "not the ARN of an SNS topic")),
});

export const AlertChannel = z.discriminatedUnion("kind", [WebhookChannel, SnsChannel]);
export type AlertChannel = z.infer<typeof AlertChannel>;

/** The function may publish only to topics with this prefix, so that no project reaches the topics of another project. */
export function ownTopicPrefix(project: string): string {
  return `behaviour-alerts-${project}`;
}

export function isOwnTopic(topicArn: string, project: string): boolean {
  const name = topicArn.slice(topicArn.lastIndexOf(":") + 1).replace(/\.fifo$/, "");
  const prefix = ownTopicPrefix(project);
  return name === prefix || name.startsWith(`${prefix}-`);
}

const channels = z.array(AlertChannel).check(z.maxLength(CHANNELS_MAX));
const silencedUntil = z.nullable(time);

export const AlertInput = z.strictObject({
  /** The caller's own project if absent. */
  projectId: z.optional(text(100)),
  name: text(NAME_MAX_LENGTH),
  condition: AlertCondition,
  timing: z._default(AlertTiming, TIMING_DEFAULTS),
  channels: z._default(channels, []),
  enabled: z._default(z.boolean(), true),
  silencedUntil: z.optional(silencedUntil),
});
export type AlertInput = z.infer<typeof AlertInput>;

export const AlertChange = z.strictObject({
  name: z.optional(text(NAME_MAX_LENGTH)),
  condition: z.optional(AlertCondition),
  /** Fields that are absent stay as they are. */
  timing: z.optional(z.partial(z.strictObject(TIMING))),
  channels: z.optional(channels),
  enabled: z.optional(z.boolean()),
  silencedUntil: z.optional(silencedUntil),
  /** Creates a new signing secret for the webhooks. The old secret is void immediately. */
  rotateSecret: z.optional(z.boolean()),
});
export type AlertChange = z.infer<typeof AlertChange>;
