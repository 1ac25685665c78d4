// Checks that a schema in a tracking plan stays within the allowed subset. A plan comes from anybody with a project's admin key
// and runs in a processor that all projects share. In the subset every check takes time in proportion to the event:
//
// - only keywords from a list: an unknown keyword is refused, not ignored;
// - `$ref` only to `#/$defs/…` of the same schema, without cycles, and the unfolded schema stays small (two references to a
//   schema that holds two references … would otherwise double it at each step);
// - only patterns that RE2 accepts: no look-around and no back references, matched without backtracking (compile.ts).

import { escapeKey, isObject, LIMITS, referencedName } from "@behaviour/contract";
import { RE2JS } from "re2js";
import { FORMATS } from "./formats.ts";

export interface SchemaProblem {
  /** JSON pointer into the schema. */
  pointer: string;
  message: string;
}

const UNFOLDED_MAX = 2_000;
const DEPTH_MAX = 32;
const PATTERN_MAX_LENGTH = 500;
const ENUM_MAX = 1_000;
/** Comparing each item with every other item is cheap only for few items. */
const UNIQUE_ITEMS_MAX = 256;
const DIALECTS: readonly unknown[] = [
  "https://json-schema.org/draft/2020-12/schema",
  "http://json-schema.org/draft-07/schema#",
  "http://json-schema.org/draft-07/schema",
];
const TYPES: readonly unknown[] = ["object", "array", "string", "number", "integer", "boolean", "null"];

type Judge = (value: unknown) => string | null;

const isCount: Judge = (value) => (Number.isInteger(value) && (value as number) >= 0 ? null : "must be a whole number");
const isNumber: Judge = (value) => (typeof value === "number" && Number.isFinite(value) ? null : "must be a number");
const isText: Judge = (value) => (typeof value === "string" ? null : "must be a text");
const isFlag: Judge = (value) => (typeof value === "boolean" ? null : "must be true or false");
const isAnything: Judge = () => null;

/** Keywords whose value holds no schema. */
const VALUES: Record<string, Judge> = {
  $schema: (value) => (DIALECTS.includes(value) ? null : "must be JSON Schema 2020-12 or draft 7"),
  $comment: isText,
  title: isText,
  description: isText,
  default: isAnything,
  examples: isAnything,
  deprecated: isFlag,
  type: (value) =>
    (Array.isArray(value) ? value.length > 0 && value.every((one) => TYPES.includes(one)) : TYPES.includes(value))
      ? null
      : `must be one of ${TYPES.join(", ")}, or a list of them`,
  enum: (value) =>
    Array.isArray(value) && value.length > 0 && value.length <= ENUM_MAX ? null : `must list 1 to ${ENUM_MAX} values`,
  const: isAnything,
  required: (value) =>
    Array.isArray(value) && value.length <= LIMITS.keysPerObject && value.every((one) => typeof one === "string")
      ? null
      : "must be a list of names",
  minProperties: isCount,
  maxProperties: isCount,
  minItems: isCount,
  maxItems: isCount,
  uniqueItems: isFlag,
  minimum: isNumber,
  maximum: isNumber,
  exclusiveMinimum: isNumber,
  exclusiveMaximum: isNumber,
  multipleOf: (value) => (typeof value === "number" && value > 0 ? null : "must be a number above 0"),
  minLength: isCount,
  maxLength: isCount,
  pattern: (value) => (typeof value === "string" ? patternProblem(value) : "must be a text"),
  format: (value) =>
    typeof value === "string" && Object.hasOwn(FORMATS, value)
      ? null
      : `must be one of ${Object.keys(FORMATS).join(", ")}`,
};

/** Keywords whose value is a schema, a list of schemas, or schemas by name. */
const ONE: readonly string[] = [
  "additionalProperties",
  "propertyNames",
  "items",
  "contains",
  "not",
  "if",
  "then",
  "else",
];
const MANY: readonly string[] = ["allOf", "anyOf", "oneOf", "prefixItems"];
const NAMED: readonly string[] = ["properties", "patternProperties", "$defs"];

/** @returns the first problem of an event's schema, or null. */
export function findSchemaProblem(schema: Record<string, unknown>): SchemaProblem | null {
  if (schema["type"] !== "object") return { pointer: "/type", message: 'must be "object": it describes properties' };
  const size = Buffer.byteLength(JSON.stringify(schema));
  if (size > LIMITS.planSchemaBytes) return { pointer: "", message: `larger than ${LIMITS.planSchemaBytes} bytes` };
  return new SchemaWalk(schema).judge(schema, "", 1) ?? findExpansion(schema);
}

class SchemaWalk {
  readonly #definitions: Record<string, unknown>;

  constructor(root: Record<string, unknown>) {
    this.#definitions = isObject(root["$defs"]) ? root["$defs"] : {};
  }

  judge(schema: unknown, pointer: string, depth: number): SchemaProblem | null {
    if (typeof schema === "boolean") return null;
    if (!isObject(schema)) return { pointer, message: "must be a schema" };
    if (depth > DEPTH_MAX) return { pointer, message: `nested deeper than ${DEPTH_MAX} levels` };
    for (const [keyword, value] of Object.entries(schema)) {
      const place = `${pointer}/${escapeKey(keyword)}`;
      const problem = this.#judgeKeyword(keyword, value, place, depth);
      if (problem !== null) return problem;
    }
    const unbounded = schema["uniqueItems"] === true && !((schema["maxItems"] as number) <= UNIQUE_ITEMS_MAX);
    if (unbounded)
      return { pointer: `${pointer}/uniqueItems`, message: `needs maxItems of at most ${UNIQUE_ITEMS_MAX}` };
    return null;
  }

  #judgeKeyword(keyword: string, value: unknown, place: string, depth: number): SchemaProblem | null {
    if (Object.hasOwn(VALUES, keyword)) {
      const message = VALUES[keyword]?.(value) ?? null;
      return message === null ? null : { pointer: place, message };
    }
    if (keyword === "$ref") return this.#judgeReference(value, place);
    if (keyword === "$defs" && depth > 1) return { pointer: place, message: "stands at the top of a schema only" };
    if (ONE.includes(keyword)) return this.judge(value, place, depth + 1);
    if (MANY.includes(keyword)) {
      if (!Array.isArray(value) || value.length === 0) return { pointer: place, message: "must be a list of schemas" };
      return first(value.entries(), ([index, item]) => this.judge(item, `${place}/${index}`, depth + 1));
    }
    if (NAMED.includes(keyword)) {
      if (!isObject(value)) return { pointer: place, message: "must hold schemas by name" };
      return first(Object.entries(value), ([name, item]) => {
        const inner = `${place}/${escapeKey(name)}`;
        if (name === "__proto__") return { pointer: inner, message: "no event can have this property" };
        const message = keyword === "patternProperties" ? patternProblem(name) : null;
        return message === null ? this.judge(item, inner, depth + 1) : { pointer: inner, message };
      });
    }
    return { pointer: place, message: "is no keyword that a plan may use" };
  }

  #judgeReference(value: unknown, place: string): SchemaProblem | null {
    const name = typeof value === "string" ? referencedName(value) : null;
    if (name !== null && Object.hasOwn(this.#definitions, name)) return null;
    return { pointer: place, message: "must name a schema of this one's own $defs: #/$defs/<name>" };
  }
}

/** Counts the schemas within the root, with every reference replaced by its target. */
function findExpansion(root: Record<string, unknown>): SchemaProblem | null {
  const definitions = isObject(root["$defs"]) ? root["$defs"] : {};
  const sizes = new Map<string, number>();
  const open = new Set<string>();
  const sizeOfDefinition = (name: string): number => {
    const known = sizes.get(name);
    if (known !== undefined) return known;
    if (open.has(name)) return Number.POSITIVE_INFINITY;
    open.add(name);
    const size = sizeOf(definitions[name]);
    open.delete(name);
    sizes.set(name, size);
    return size;
  };
  const sizeOf = (schema: unknown): number => {
    if (!isObject(schema)) return 1;
    let size = 1;
    if (typeof schema["$ref"] === "string") size += sizeOfDefinition(referencedName(schema["$ref"]) ?? "");
    for (const keyword of ONE) if (keyword in schema) size += sizeOf(schema[keyword]);
    for (const keyword of MANY) for (const item of (schema[keyword] ?? []) as unknown[]) size += sizeOf(item);
    for (const keyword of ["properties", "patternProperties"]) {
      for (const item of Object.values(schema[keyword] ?? {})) size += sizeOf(item);
    }
    return size;
  };
  for (const name of Object.keys(definitions)) {
    if (sizeOfDefinition(name) === Number.POSITIVE_INFINITY) {
      return { pointer: `/$defs/${escapeKey(name)}`, message: "refers to itself" };
    }
  }
  return sizeOf(root) <= UNFOLDED_MAX
    ? null
    : { pointer: "", message: `holds more than ${UNFOLDED_MAX} schemas, each reference counted as what it names` };
}

function patternProblem(pattern: string): string | null {
  if (pattern.length > PATTERN_MAX_LENGTH) return `a pattern of more than ${PATTERN_MAX_LENGTH} characters`;
  try {
    RE2JS.compile(pattern);
    return null;
  } catch (error) {
    return `no pattern that RE2 takes: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function first<T>(items: Iterable<T>, judge: (item: T) => SchemaProblem | null): SchemaProblem | null {
  for (const item of items) {
    const problem = judge(item);
    if (problem !== null) return problem;
  }
  return null;
}
