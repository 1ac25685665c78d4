// Defines the description of one call and converts it into an Operation Object of OpenAPI 3.1. The parts that many calls share
// (error answers, ways to send a key) are generated here from the contract's tables.

import { ERRORS, type ErrorCode, type Scope } from "@behaviour/contract";

export type Schema = Record<string, unknown>;

export interface Parameter {
  name: string;
  in: "query" | "path" | "header";
  description: string;
  required?: boolean;
  schema: Schema;
}

export interface Answer {
  status: number;
  description: string;
  /** The content by media type; absent for an answer without a body. */
  content?: Record<string, { schema: Schema; example?: unknown }>;
}

export interface Operation {
  method: string;
  path: string;
  operationId: string;
  tag: string;
  summary: string;
  description?: string;
  /** The key's scope; null if no key is needed. */
  scope: Scope | null;
  /** The places for the key besides a header and the dashboard's cookie. */
  alsoBy?: readonly "body"[];
  /** The call does not accept the cookie in place of the key. */
  notBySession?: true;
  parameters?: readonly Parameter[];
  body?: { required: boolean; description?: string; schema: Schema; example?: unknown };
  answers: readonly Answer[];
  errors: readonly ErrorCode[];
  /** Other paths of the same call. */
  aliases?: readonly string[];
  curl: string;
}

export function ref(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

export function jsonAnswer(status: number, description: string, schema: Schema, example?: unknown): Answer {
  return {
    status,
    description,
    content: { "application/json": { schema, ...(example === undefined ? {} : { example }) } },
  };
}

/** The answer `{"data": …}` of every reading call. */
export function dataAnswer(description: string, data: Schema, example?: unknown, beside: Schema = {}): Answer {
  const schema = { type: "object", required: ["data"], properties: { data, ...beside } };
  return jsonAnswer(200, description, schema, example);
}

export function queryParameter(name: string, description: string, schema: Schema, required = false): Parameter {
  return { name, in: "query", description, ...(required ? { required } : {}), schema };
}

export function pathParameter(name: string, description: string): Parameter {
  return { name, in: "path", description, required: true, schema: { type: "string" } };
}

const ONE_LINE_LENGTH = 60;

/** A body in the form used by the curl examples. */
export function shellJson(body: unknown): string {
  const short = JSON.stringify(body);
  return `'${short.length <= ONE_LINE_LENGTH ? short : JSON.stringify(body, null, 2)}'`;
}

/** One security requirement for each scheme that the call accepts. */
function security({ scope, alsoBy = [], notBySession }: Operation): Record<string, string[]>[] {
  if (scope === null) return [];
  const schemes = ["bearer", "basic", "apiKey", ...(notBySession === true ? [] : ["session"])];
  // OpenAPI has no scheme for a key in the body. `{}` says that a call without any scheme may still be valid.
  return [...schemes.map((scheme) => ({ [scheme]: [scope] })), ...(alsoBy.includes("body") ? [{}] : [])];
}

const COMMON_HEADERS = { "X-Request-Id": { $ref: "#/components/headers/RequestId" } };
const RETRY_HEADERS = { ...COMMON_HEADERS, "Retry-After": { $ref: "#/components/headers/RetryAfter" } };

export function toOperationObject(operation: Operation, errorResponses: ErrorResponses): Record<string, unknown> {
  const { operationId, tag, summary, description, parameters, body, answers, errors, curl } = operation;
  return {
    operationId,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    security: security(operation),
    ...(parameters === undefined || parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: requestBody(body) }),
    responses: { ...Object.fromEntries(answers.map(answerEntry)), ...errorResponses.of(errors) },
    "x-codeSamples": [{ lang: "Shell", label: "curl", source: curl }],
  };
}

function requestBody({ required, description, schema, example }: NonNullable<Operation["body"]>) {
  return {
    required,
    ...(description === undefined ? {} : { description }),
    content: { "application/json": { schema, ...(example === undefined ? {} : { example }) } },
  };
}

function answerEntry({ status, description, content }: Answer): [string, unknown] {
  return [String(status), { description, headers: COMMON_HEADERS, ...(content === undefined ? {} : { content }) }];
}

/** The error answers. Each set of codes is written once, because most calls share a set. */
export class ErrorResponses {
  readonly components: Record<string, Schema> = {};
  readonly #names = new Map<string, string>();

  /** One response per status. The field `code` distinguishes its errors. */
  of(codes: readonly ErrorCode[]): Record<string, Schema> {
    const byStatus = new Map<number, ErrorCode[]>();
    for (const code of codes) byStatus.set(ERRORS[code].status, [...(byStatus.get(ERRORS[code].status) ?? []), code]);
    return Object.fromEntries(
      [...byStatus].sort(([a], [b]) => a - b).map(([status, some]) => [String(status), this.#ref(status, some)]),
    );
  }

  #ref(status: number, codes: readonly ErrorCode[]): Schema {
    const set = codes.toSorted((a, b) => a.localeCompare(b)).join(" ");
    let name = this.#names.get(set);
    if (name === undefined) {
      const taken = Object.keys(this.components).filter((other) => other.startsWith(`Error${status}`)).length;
      name = `Error${status}${taken === 0 ? "" : `-${taken + 1}`}`;
      this.#names.set(set, name);
      this.components[name] = errorResponse(status, codes);
    }
    return { $ref: `#/components/responses/${name}` };
  }
}

function errorResponse(status: number, codes: readonly ErrorCode[]): Schema {
  const schema = codes.includes("all_events_rejected")
    ? { anyOf: [ref("Error"), ref("RejectedRequest")] }
    : { allOf: [ref("Error"), { type: "object", properties: { code: { enum: codes } } }] };
  return {
    description: codes.map((code) => `\`${code}\`: ${ERRORS[code].message}`).join("\n\n"),
    headers: status === 429 || status === 503 ? RETRY_HEADERS : COMMON_HEADERS,
    content: { "application/json": { schema } },
  };
}
