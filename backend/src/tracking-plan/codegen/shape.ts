// Reads a schema into a shape, as far as a type can express the schema. Bounds and patterns are left to the processor. Pure.

import { isObject, referencedName } from "@behaviour/contract";
import { pascalCase, type UniqueNames } from "./names.ts";

export type Scalar = string | number | boolean | null;

export interface Field {
  key: string;
  shape: Shape;
  required: boolean;
  description: string | null;
}

export interface RecordShape {
  kind: "record";
  /** Name of the type, unique in the whole plan. */
  name: string;
  fields: Field[];
  /** Whether the schema allows other properties explicitly. If it does not mention them, this is false. */
  open: boolean;
  description: string | null;
}

export type Shape =
  | { kind: "text" | "number" | "integer" | "flag" | "null" | "anything" }
  | { kind: "choice"; values: readonly Scalar[]; name: string }
  | { kind: "list"; item: Shape }
  | { kind: "union"; members: readonly Shape[] }
  | RecordShape;

type Schema = Record<string, unknown>;

const ANYTHING: Shape = { kind: "anything" };
const SIMPLE: Record<string, Shape> = {
  string: { kind: "text" },
  number: { kind: "number" },
  integer: { kind: "integer" },
  boolean: { kind: "flag" },
  null: { kind: "null" },
};

export class ShapeReader {
  readonly #definitions: Schema;
  readonly #names: UniqueNames;

  /** @param schema a schema that passed the rules of schema-rules.ts */
  constructor(schema: Schema, names: UniqueNames) {
    this.#definitions = isObject(schema["$defs"]) ? schema["$defs"] : {};
    this.#names = names;
  }

  /** @param name name of the type. The types within it are named after it */
  record(schema: Schema, name: string): RecordShape {
    const { properties, required, open } = this.#members(schema);
    const own = this.#names.take(name);
    const fields = Object.entries(properties).map(([key, value]): Field => {
      return {
        key,
        shape: this.#read(value, `${own}${pascalCase(key)}`),
        required: required.has(key),
        description: descriptionOf(value),
      };
    });
    return { kind: "record", name: own, fields, open, description: descriptionOf(schema) };
  }

  #read(given: unknown, name: string): Shape {
    const schema = this.#resolve(given);
    if (schema === null) return ANYTHING;
    if ("const" in schema) return choiceOf([schema["const"]], name);
    if (Array.isArray(schema["enum"])) return choiceOf(schema["enum"], name);
    const alternatives = schema["anyOf"] ?? schema["oneOf"];
    const hasForm = "type" in schema || "properties" in schema || "allOf" in schema;
    if (Array.isArray(alternatives) && !hasForm) {
      return unionOf(alternatives.map((one, index) => this.#read(one, `${name}${index + 1}`)));
    }
    const { type } = schema;
    if (Array.isArray(type)) return unionOf(type.map((one) => this.#read({ ...schema, type: one as unknown }, name)));
    if (type === "object" || "properties" in schema || "allOf" in schema) return this.#readObject(schema, name);
    if (type === "array")
      return { kind: "list", item: this.#read("prefixItems" in schema ? true : schema["items"], `${name}Item`) };
    return typeof type === "string" ? (SIMPLE[type] ?? ANYTHING) : ANYTHING;
  }

  #readObject(schema: Schema, name: string): Shape {
    const { properties } = this.#members(schema);
    return Object.keys(properties).length === 0 ? ANYTHING : this.record(schema, name);
  }

  /** Members of the schema and of all schemas in its `allOf`. */
  #members(schema: Schema): { properties: Schema; required: Set<unknown>; open: boolean } {
    const properties: Schema = { ...(isObject(schema["properties"]) ? schema["properties"] : {}) };
    const required = new Set<unknown>(Array.isArray(schema["required"]) ? schema["required"] : []);
    let open = schema["additionalProperties"] === true || isObject(schema["additionalProperties"]);
    for (const part of Array.isArray(schema["allOf"]) ? schema["allOf"] : []) {
      const resolved = this.#resolve(part);
      if (resolved === null) continue;
      const members = this.#members(resolved);
      for (const [key, value] of Object.entries(members.properties)) properties[key] ??= value;
      for (const key of members.required) required.add(key);
      open ||= members.open;
    }
    return { properties, required, open };
  }

  /** @returns null for a schema that is not an object. References have no cycles, because schema-rules.ts refuses them. */
  #resolve(given: unknown): Schema | null {
    if (!isObject(given)) return null;
    const { $ref, ...own } = given;
    if (typeof $ref !== "string") return given;
    const target = this.#resolve(this.#definitions[referencedName($ref) ?? ""]);
    return target === null ? own : { ...target, ...own };
  }
}

function choiceOf(values: readonly unknown[], name: string): Shape {
  const scalars = values.filter((value): value is Scalar => value === null || typeof value !== "object");
  return scalars.length === values.length ? { kind: "choice", values: scalars, name } : ANYTHING;
}

function unionOf(members: readonly Shape[]): Shape {
  const [first] = members;
  return members.length === 1 && first !== undefined ? first : { kind: "union", members };
}

function descriptionOf(schema: unknown): string | null {
  if (!isObject(schema)) return null;
  const text = schema["description"] ?? schema["title"];
  return typeof text === "string" && text !== "" ? text : null;
}

/** All named types in a shape. Inner types come before the types that hold them. */
export function recordsIn(shape: Shape): RecordShape[] {
  switch (shape.kind) {
    case "record":
      return [...shape.fields.flatMap((field) => recordsIn(field.shape)), shape];
    case "list":
      return recordsIn(shape.item);
    case "union":
      return shape.members.flatMap(recordsIn);
    default:
      return [];
  }
}
