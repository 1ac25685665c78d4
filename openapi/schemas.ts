// Builds the document's shared schemas: from zod if the code has a zod schema, by hand if the code has only a type.

import {
  Batch,
  ERRORS,
  Event,
  FAILURES,
  type IngestResult,
  LIMITS,
  REJECTIONS,
  type Rejection,
  TrackingPlan,
  WARNINGS,
  type Warning,
} from "@behaviour/contract";
import * as z from "zod/mini";
import { AlertChange, AlertInput } from "../backend/src/alerting/rule.ts";
import { KeyInput, ProjectChange, ProjectInput, RotateInput } from "../backend/src/projects/input.ts";
import { FunnelQuestion } from "../backend/src/query/funnel.ts";
import { RetentionQuestion } from "../backend/src/query/retention.ts";
import type { Schema } from "./operation.ts";

/** The schema of the input that a client sends: a field with a default is optional, and transforms are not applied. */
function schemaOf(schema: z.core.$ZodType): Schema {
  const { $schema: _draft, $defs, ...rest } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  for (const [name, definition] of Object.entries($defs ?? {})) {
    // The only recursive schema is `z.json()`. A reference to a definition would be broken inside this document.
    if (definition.anyOf === undefined) throw new Error(`cannot place the definition ${name}`);
  }
  return withoutDefinitions(rest) as Schema;
}

function withoutDefinitions(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDefinitions);
  if (typeof value !== "object" || value === null) return value;
  if ("$ref" in value && String(value.$ref).startsWith("#/$defs/")) return {};
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, withoutDefinitions(inner)]));
}

const rejection = z.object({
  index: z.int(),
  messageId: z.optional(z.string()),
  code: z.enum(Object.keys(REJECTIONS) as [Rejection["code"], ...Rejection["code"][]]),
  message: z.string(),
  pointer: z.optional(z.string()),
});
const warning = z.object({
  index: z.int(),
  code: z.enum(Object.keys(WARNINGS) as [Warning["code"], ...Warning["code"][]]),
  pointer: z.optional(z.string()),
});
const ingestResult = z.object({
  success: z.boolean(),
  accepted: z.int(),
  duplicates: z.int(),
  suppressed: z.int(),
  rejected: z.array(rejection),
  warnings: z.array(warning),
  warningsCut: z.optional(z.int()),
});

/** Fails to compile if the contract's type and the schema differ. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
type Loose<T> = { [K in keyof T]: K extends "rejected" | "warnings" ? unknown : T[K] };
const resultIsCurrent: Same<Loose<z.infer<typeof ingestResult>>, Loose<IngestResult>> = true;

const codes = (table: Record<string, unknown>) => Object.keys(table);
const time = { type: "string", format: "date-time" };
const nullable = (schema: Schema) => ({ anyOf: [schema, { type: "null" }] });
const purposes = {
  type: "object",
  properties: { analytics: { enum: ["granted", "denied"] }, advertising: { enum: ["granted", "denied"] } },
  additionalProperties: false,
};

const errorProperties = {
  success: { const: false },
  code: { enum: codes(ERRORS), description: "What to switch on." },
  message: { type: "string" },
  error: { type: "string", description: "Repeats `message`: some libraries read this field." },
  request_id: { type: "string", format: "uuid" },
  pointer: { type: "string", format: "json-pointer", description: "What was wrong, where one thing was." },
};

export function componentSchemas(): Record<string, Schema> {
  if (!resultIsCurrent) throw new Error("unreachable");
  const result = schemaOf(ingestResult);
  const plan = schemaOf(TrackingPlan);
  return {
    Event: {
      ...schemaOf(Event),
      description:
        "One event, as in Segment's spec. Needs a `userId` or an `anonymousId`; a track also `event`, a group `groupId`, " +
        "an alias `previousId`. Fields that are not known are kept.",
    },
    Batch: {
      ...schemaOf(Batch),
      description: `Up to ${LIMITS.eventsPerRequest.toLocaleString("en")} events; \`context\` goes under each event's own.`,
    },
    IngestResult: {
      ...result,
      description: "One result per event: accepted + duplicates + suppressed + rejected = events in the request.",
    },
    RejectedRequest: {
      description: "Not one event could be taken: the counters and the fields of an error.",
      allOf: [
        { $ref: "#/components/schemas/IngestResult" },
        { type: "object", properties: { ...errorProperties, code: { const: "all_events_rejected" } } },
      ],
    },
    Error: {
      type: "object",
      required: ["success", "code", "message", "error", "request_id"],
      properties: errorProperties,
    },
    ConsentInput: {
      type: "object",
      required: ["purposes", "method"],
      description: "Needs a `userId` or an `anonymousId`, or both.",
      properties: {
        userId: { type: ["string", "number"], minLength: 1, maxLength: LIMITS.idLength },
        anonymousId: { type: ["string", "number"], minLength: 1, maxLength: LIMITS.idLength },
        purposes: { ...purposes, minProperties: 1 },
        method: { type: "string", minLength: 1, maxLength: 200, description: "How it was given: `banner`, `form` …" },
        noticeVersion: { type: "string", maxLength: 200 },
        occurredAt: { anyOf: [time, { type: "number" }], description: "When; the time of receipt unless said." },
      },
    },
    ConsentState: {
      type: "object",
      required: ["purposes"],
      properties: {
        purposes,
        history: {
          type: "array",
          description: "With a secret key: the newest records, oldest first.",
          maxItems: LIMITS.consentHistoryRecords,
          items: {
            type: "object",
            properties: {
              purposes,
              method: { type: "string" },
              noticeVersion: nullable({ type: "string" }),
              occurredAt: time,
              recordedAt: time,
            },
          },
        },
      },
    },
    ListedEvent: {
      type: "object",
      description: "Segment's field names; `subject`, a pseudonym, stands in the place of ids.",
      required: ["messageId", "type", "timestamp", "receivedAt", "subject", "consent"],
      properties: {
        messageId: { type: "string" },
        type: { type: "string" },
        event: { type: "string" },
        name: { type: "string" },
        timestamp: time,
        receivedAt: time,
        sentAt: nullable(time),
        originalTimestamp: nullable(time),
        subject: { type: "string", pattern: "^[0-9a-f]{32}$" },
        anonymousSubject: nullable({ type: "string" }),
        sessionId: nullable({ type: "string" }),
        consent: { enum: ["accept", "restricted", "cookieless"] },
        properties: { type: "object" },
        traits: { type: "object" },
        context: { type: "object" },
        enriched: { type: "object", description: "What was derived: `path`, `browser`, `utmSource`, `isBot` …" },
      },
    },
    FailedEvent: {
      type: "object",
      description: "An accepted event that could not be stored, redacted.",
      properties: {
        id: { type: "string" },
        messageId: nullable({ type: "string" }),
        code: { enum: codes(FAILURES) },
        message: { type: "string" },
        pointer: nullable({ type: "string" }),
        stage: { type: "string" },
        failedAt: time,
        receivedAt: nullable(time),
        payload: { type: "string" },
        payloadCut: { type: "boolean" },
      },
    },
    FunnelQuestion: schemaOf(FunnelQuestion),
    RetentionQuestion: schemaOf(RetentionQuestion),
    ProjectInput: schemaOf(ProjectInput),
    ProjectChange: schemaOf(ProjectChange),
    KeyInput: schemaOf(KeyInput),
    RotateInput: schemaOf(RotateInput),
    TrackingPlanInput: {
      ...plan,
      properties: {
        ...(plan.properties as Schema),
        baseVersion: { type: "integer", description: "Refused with 409 when the plan is at another one by now." },
        projectId: { type: "string", description: "The key's own project unless said." },
      },
    },
    AlertInput: schemaOf(AlertInput),
    AlertChange: schemaOf(AlertChange),
    LiveMessage: {
      type: "object",
      description:
        "One message of the live tail. `event`: what became of an event; of a suppressed one nothing else is told. `refused`: a " +
        "request was refused as a whole, with nothing of its body. `dropped`: so many messages were left out before this " +
        "one. `confirm`: send the same text back to be sent more at once.",
      required: ["type"],
      properties: {
        type: { enum: ["event", "refused", "dropped", "confirm"] },
        at: time,
        path: { type: "string", description: "Of the call that was refused." },
        requestId: { type: "string", description: "As the refusal's answer says." },
        outcome: { enum: ["accepted", "duplicate", "suppressed", "rejected"] },
        code: { type: "string" },
        message: { type: "string" },
        pointer: { type: "string" },
        consent: { enum: ["accept", "restricted", "cookieless"] },
        event: { type: "object", description: "As stored, personal data masked; of what was not stored, its id." },
        count: { type: "integer" },
        upTo: { type: "integer" },
      },
    },
  };
}
