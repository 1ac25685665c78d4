// JSON Schema to a function. Ajv compiles to JavaScript, which judges millions of events a second and core where an
// interpreter judges some ten thousand; that is affordable because schema-rules.ts lets only a known subset in, and because
// patterns run on RE2, which has no backtracking to attack.

import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js";
import { RE2JS } from "re2js";
import { FORMATS } from "./formats.ts";

export type { ErrorObject } from "ajv/dist/2020.js";

/** Null when the value satisfies the schema; else the first thing that does not, and for `anyOf` and its like what led there. */
export type SchemaValidator = (value: unknown) => readonly ErrorObject[] | null;

/** 0.1 + 0.2 is a multiple of 0.1. */
const MULTIPLE_OF_DIGITS = 6;

const linearPattern = Object.assign(
  (pattern: string) => {
    const compiled = RE2JS.compile(pattern);
    return { test: (text: string) => compiled.matcher(text).find() };
  },
  // For code that is written to a file, which ours never is.
  { code: "undefined" },
);

/** @throws Error for a schema that cannot be compiled. */
export function compileSchema(schema: Record<string, unknown>): SchemaValidator {
  // One compiler for each schema: it keeps what it compiled for as long as it lives, and `$defs` must not meet.
  const ajv = new Ajv2020({
    allErrors: false,
    messages: false,
    // Errors carry the rule and the value.
    verbose: true,
    // `constructor` is a property like any other.
    ownProperties: true,
    strict: false,
    validateSchema: false,
    addUsedSchema: false,
    multipleOfPrecision: MULTIPLE_OF_DIGITS,
    formats: FORMATS,
    logger: false,
    code: { regExp: linearPattern },
  });
  // The dialect is named for people and their editors; the keywords that are left mean the same in both.
  const { $schema: _dialect, ...rules } = schema;
  const validate: ValidateFunction = ajv.compile(rules);
  return (value) => (validate(value) ? null : (validate.errors ?? []));
}
