// Describes a broken rule for people: a code, the place, the rule, and the redacted value. Pure.

import { escapeKey, type FailureCode } from "@behaviour/contract";
import { describeValue } from "../personal-data/plain-text.ts";
import type { ErrorObject } from "./compile.ts";

export interface PlanViolation {
  code: FailureCode;
  /** JSON pointer relative to the event. */
  pointer: string;
  /** The rule as JSON: `{"maximum":100}`. */
  limit: string;
  /** The value that was found, redacted and shortened. */
  actual: string;
}

const CODES: Record<string, FailureCode> = {
  required: "plan_missing_property",
  type: "plan_wrong_type",
  enum: "plan_value_not_allowed",
  const: "plan_value_not_allowed",
  minimum: "plan_out_of_bounds",
  maximum: "plan_out_of_bounds",
  exclusiveMinimum: "plan_out_of_bounds",
  exclusiveMaximum: "plan_out_of_bounds",
  multipleOf: "plan_out_of_bounds",
  minLength: "plan_out_of_bounds",
  maxLength: "plan_out_of_bounds",
  minItems: "plan_out_of_bounds",
  maxItems: "plan_out_of_bounds",
  uniqueItems: "plan_out_of_bounds",
  minProperties: "plan_out_of_bounds",
  maxProperties: "plan_out_of_bounds",
  pattern: "plan_wrong_format",
  format: "plan_wrong_format",
  additionalProperties: "plan_unexpected_property",
  propertyNames: "plan_unexpected_property",
};

const LIMIT_MAX_CHARS = 300;

/**
 * @param part the part of the event that was checked: `properties` or `traits`
 * @param errors not empty. For alternatives the last error is the rule itself; the errors before it say why each one failed
 */
export function violationOf(errors: readonly ErrorObject[], part: "properties" | "traits"): PlanViolation {
  const last = errors.at(-1);
  const error = last?.keyword === "if" ? errors[0] : last;
  if (error === undefined) return { code: "plan_violation", pointer: `/${part}`, limit: "", actual: "" };
  const { keyword, params } = error as ErrorObject<string, Record<string, unknown>>;
  const named = keyword === "required" ? params["missingProperty"] : params["additionalProperty"];
  const pointer = `/${part}${error.instancePath}${typeof named === "string" ? `/${escapeKey(named)}` : ""}`;
  return {
    code: CODES[keyword] ?? "plan_violation",
    pointer,
    limit: limitOf(error),
    actual: keyword === "required" ? "absent" : describeValue(valueAt(error, named), { personal: part === "traits" }),
  };
}

function valueAt({ data }: ErrorObject, named: unknown): unknown {
  return typeof named === "string" ? (data as Record<string, unknown>)[named] : data;
}

function limitOf({ keyword, schema }: ErrorObject): string {
  // The alternatives of `anyOf` are pages long. The keyword alone says enough.
  const rule: unknown = Array.isArray(schema) && schema.some((one) => typeof one === "object") ? "…" : schema;
  const text = JSON.stringify({ [keyword]: rule });
  return text.length <= LIMIT_MAX_CHARS ? text : `${text.slice(0, LIMIT_MAX_CHARS)}…`;
}
