// Generates code from a plan: types and calls for the senders of events, so that a wrong property is a compiler error and
// not a failed event. Each language has its own file here; the common code is in shape.ts and names.ts. Pure.

import type { TrackingPlan } from "@behaviour/contract";
import { plannedCalls } from "./calls.ts";
import type { GeneratedFile } from "./file.ts";
import { generateJava } from "./java.ts";
import { generatePython } from "./python.ts";
import { generateTypescript } from "./typescript.ts";

export const LANGUAGES = ["typescript", "python", "java"] as const;
export type Language = (typeof LANGUAGES)[number];

export interface CodeOptions {
  /** For Java only. */
  packageName?: string;
}

const JAVA_PACKAGE = "trackingplan";
const PACKAGE_NAME = /^[a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)*$/;

/** @throws RangeError for a package name that is not valid in Java. */
export function generateCode(language: Language, plan: TrackingPlan, options: CodeOptions = {}): GeneratedFile[] {
  const calls = plannedCalls(plan);
  switch (language) {
    case "typescript":
      return [generateTypescript(calls)];
    case "python":
      return [generatePython(calls)];
    case "java": {
      const packageName = options.packageName ?? JAVA_PACKAGE;
      if (!PACKAGE_NAME.test(packageName)) throw new RangeError(`"${packageName}" is no name of a Java package`);
      return generateJava(calls, packageName);
    }
  }
}
