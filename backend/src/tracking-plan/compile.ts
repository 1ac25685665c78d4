// Compiles a JSON Schema to a function. Ajv compiles to JavaScript, which checks millions of events per second and core, while
// an interpreter checks some ten thousand. This is safe because schema-rules.ts admits only a known subset, and because
// patterns run on RE2, which has no backtracking to attack.

import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js";
import { RE2JS } from "re2js";
import { FORMATS } from "./formats.ts";

export type { ErrorObject } from "ajv/dist/2020.js";

/** Null if the value satisfies the schema; else the first error, for `anyOf` and the like after the errors that caused it. */
export type SchemaValidator = (value: unknown) => readonly ErrorObject[] | null;

/** Precision at which 0.1 + 0.2 is a multiple of 0.1. */
const MULTIPLE_OF_DIGITS = 6;

const linearPattern = Object.assign(
  (pattern: string) => {
    const compiled = RE2JS.compile(pattern);
    return { test: (text: string) => compiled.matcher(text).find() };
  },
  // Ajv uses this only in code that is written to a file. Ours never is.
  { code: "undefined" },
);

/** @throws Error for a schema that cannot be compiled. */
export function compileSchema(schema: Record<string, unknown>): SchemaValidator {
  // Each schema has its own compiler. A compiler keeps everything it compiled, and the `$defs` of two schemas must not mix.
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
  // The dialect is for people and their editors. The allowed keywords mean the same in both dialects.
  const { $schema: _dialect, ...rules } = schema;
  const validate: ValidateFunction = ajv.compile(rules);
  return (value) => (validate(value) ? null : (validate.errors ?? []));
}
