/**
 * Prepares openapi.json for the page: groups operations by tag, resolves references, and collects aliases. It supports only
 * the parts of OpenAPI that our own document uses.
 */

export interface Schema {
  $ref?: string;
  type?: string | string[];
  description?: string;
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  format?: string;
  minimum?: number;
  maximum?: number;
  maxLength?: number;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
}

export interface Parameter {
  name: string;
  in: string;
  description: string;
  required?: boolean;
  schema: Schema;
}

interface Media {
  schema: Schema;
  example?: unknown;
}

interface Response {
  $ref?: string;
  description: string;
  content?: Record<string, Media>;
}

interface RawOperation {
  operationId: string;
  tags: string[];
  summary: string;
  description?: string;
  security: Record<string, string[]>[];
  parameters?: Parameter[];
  requestBody?: { required: boolean; description?: string; content: Record<string, Media> };
  responses: Record<string, Response>;
  "x-codeSamples": { source: string }[];
}

/** Operations by method, or a reference to a path with the same operations. */
type PathItem = Record<string, RawOperation> | { $ref: string };

function isAlias(item: PathItem): item is { $ref: string } {
  return typeof item.$ref === "string";
}

export interface OpenApi {
  info: { title: string; version: string; description: string };
  tags: { name: string; description: string }[];
  paths: Record<string, PathItem>;
  components: { schemas: Record<string, Schema>; responses: Record<string, Response> };
}

export interface Answer {
  status: number;
  description: string;
  mediaTypes: string[];
  schema: Schema | undefined;
  example: unknown;
}

export interface Operation {
  id: string;
  method: string;
  path: string;
  /** Other paths of the same call. */
  aliases: string[];
  summary: string;
  description: string | undefined;
  /** The key's scope; undefined if no key is needed. */
  scope: string | undefined;
  parameters: Parameter[];
  body: { required: boolean; description: string | undefined; schema: Schema; example: unknown } | undefined;
  answers: Answer[];
  curl: string;
  /** The text that a search looks through, in lower case. */
  searched: string;
}

export interface Group {
  name: string;
  description: string;
  operations: Operation[];
}

export function groupsOf(document: OpenApi): Group[] {
  const aliases = aliasesOf(document);
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    !isAlias(item)
      ? Object.entries(item).map(([method, raw]) => ({
          tag: raw.tags[0],
          operation: toOperation(document, path, method, raw, aliases.get(path) ?? []),
        }))
      : [],
  );
  return document.tags.map(({ name, description }) => ({
    name,
    description,
    operations: operations.filter(({ tag }) => tag === name).map(({ operation }) => operation),
  }));
}

function aliasesOf({ paths }: OpenApi): Map<string, string[]> {
  const aliases = new Map<string, string[]>();
  for (const [path, item] of Object.entries(paths)) {
    if (!isAlias(item)) continue;
    const target = item.$ref.slice("#/paths/".length).replaceAll("~1", "/");
    aliases.set(target, [...(aliases.get(target) ?? []), path]);
  }
  return aliases;
}

function toOperation(document: OpenApi, path: string, method: string, raw: RawOperation, aliases: string[]): Operation {
  const scope = raw.security.flatMap((scheme) => Object.values(scheme).flat())[0];
  const media = raw.requestBody?.content["application/json"];
  const { operationId: id, summary, description, parameters = [] } = raw;
  return {
    id,
    method: method.toUpperCase(),
    path,
    aliases,
    summary,
    description,
    scope,
    parameters,
    body:
      raw.requestBody && media
        ? {
            required: raw.requestBody.required,
            description: raw.requestBody.description,
            schema: media.schema,
            example: media.example,
          }
        : undefined,
    answers: Object.entries(raw.responses).map(([status, answer]) => toAnswer(document, Number(status), answer)),
    curl: raw["x-codeSamples"][0]?.source ?? "",
    searched: [method, path, ...aliases, summary, description, id, ...parameters.map(({ name }) => name)]
      .join(" ")
      .toLowerCase(),
  };
}

function toAnswer({ components }: OpenApi, status: number, answer: Response): Answer {
  const name = answer.$ref?.split("/").at(-1);
  const { description, content = {} } = (name === undefined ? answer : components.responses[name]) ?? answer;
  const json = content["application/json"];
  return { status, description, mediaTypes: Object.keys(content), schema: json?.schema, example: json?.example };
}

/** The groups with the operations that contain every word of the search. Empty groups are left out. */
export function search(groups: readonly Group[], text: string): Group[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return groups
    .map((group) => ({
      ...group,
      operations: group.operations.filter(({ searched }) => words.every((word) => searched.includes(word))),
    }))
    .filter(({ operations }) => operations.length > 0);
}

export interface Field {
  name: string;
  required: boolean;
  /** `string`, `array of Event`, `"a" | "b"` … */
  type: string;
  about: string;
  schema: Schema;
}

/** A schema's own fields, with references and combinations resolved. Empty if the schema is not an object. */
export function fieldsOf(document: OpenApi, schema: Schema): Field[] {
  const parts = [schema, ...(schema.allOf ?? [])].map((part) => follow(document, part));
  const fields = new Map<string, Field>();
  for (const { properties = {}, required = [] } of parts) {
    for (const [name, field] of Object.entries(properties)) {
      fields.set(name, {
        name,
        required: required.includes(name),
        type: typeName(field),
        about: aboutOf(follow(document, field)),
        schema: field,
      });
    }
  }
  return [...fields.values()];
}

/** The schema of a field's value, if the field is an object, or a list of objects, with fields of its own. */
export function innerSchema(document: OpenApi, schema: Schema): Schema | undefined {
  const followed = follow(document, schema);
  const candidates = [followed, followed.items, ...(followed.anyOf ?? []), ...(followed.oneOf ?? [])];
  return candidates.find((candidate) => candidate !== undefined && fieldsOf(document, candidate).length > 0);
}

function follow(document: OpenApi, schema: Schema): Schema {
  const name = schema.$ref?.split("/").at(-1);
  return name === undefined ? schema : (document.components.schemas[name] ?? schema);
}

export function typeName(schema: Schema): string {
  const { $ref, type, items, anyOf, oneOf, allOf } = schema;
  if ($ref !== undefined) return $ref.split("/").at(-1) ?? "";
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  const choices = anyOf ?? oneOf;
  if (choices !== undefined) return [...new Set(choices.map(typeName))].join(" | ");
  if (allOf?.[0] !== undefined) return typeName(allOf[0]);
  if (type === "array") return items === undefined ? "array" : `array of ${typeName(items)}`;
  if (Array.isArray(type)) return type.join(" | ");
  return type ?? "any";
}

function aboutOf({ description, default: usual, maxLength, minimum, maximum, format }: Schema): string {
  const bounds = [
    format,
    usual === undefined ? undefined : `default ${JSON.stringify(usual)}`,
    maxLength === undefined ? undefined : `at most ${maxLength} characters`,
    rangeOf(minimum, maximum),
  ];
  return [description, bounds.filter(Boolean).join(", ")].filter(Boolean).join(" ");
}

/** Describes the bounds, unless they only say "a safe integer". */
function rangeOf(minimum: number | undefined, maximum: number | undefined): string | undefined {
  const low = minimum === undefined || minimum <= Number.MIN_SAFE_INTEGER ? undefined : minimum;
  const high = maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER ? undefined : maximum;
  if (low === undefined && high === undefined) return undefined;
  if (low === undefined) return `at most ${high}`;
  return high === undefined ? `at least ${low}` : `${low} to ${high}`;
}
