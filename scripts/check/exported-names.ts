// One name for one thing: each export of contract, edge and backend has its own name, so that a search for the name finds one
// definition. Pure. repository.ts reads the files' texts.

import type { Finding, SourceFile } from "./repository-rules.ts";

const FOLDERS = /^(?:contract|edge|backend)\/src\/.*\.ts$/;
const GENERATED = /\.generated\./;
const DEFINITION =
  /^export (?:declare )?(?:default )?(?:abstract )?(?:async )?(?:function\*?|const|let|class|interface|type|enum) (\w+)/gm;

/** Names that several files may define. Each name has its reason. */
export const SHARED_NAMES: Readonly<Record<string, string>> = {
  handler: "Lambda calls the entry of every function by this name",
};

interface Definition {
  name: string;
  path: string;
  line: number;
}

export function findSharedNames(files: readonly SourceFile[], allowed: Readonly<Record<string, string>>): Finding[] {
  const byName = Map.groupBy(files.flatMap(findDefinitions), ({ name }) => name);
  return [...byName.values()].flatMap((definitions) => {
    const [first] = definitions;
    const paths = [...new Set(definitions.map(({ path }) => path))];
    if (first === undefined || paths.length < 2 || Object.hasOwn(allowed, first.name)) return [];
    const others = paths.filter((path) => path !== first.path).join(", ");
    return [{ path: first.path, line: first.line, message: `${first.name} is exported by ${others} too` }];
  });
}

/** Names that have a reason but do not need one. */
export function findIdleReasons(files: readonly SourceFile[], allowed: Readonly<Record<string, string>>): Finding[] {
  const byName = Map.groupBy(files.flatMap(findDefinitions), ({ name }) => name);
  return Object.keys(allowed).flatMap((name) => {
    const paths = new Set((byName.get(name) ?? []).map(({ path }) => path));
    if (paths.size > 1) return [];
    return [{ path: "scripts/check/exported-names.ts", line: null, message: `${name} no longer needs a reason` }];
  });
}

/** A constant and a type with one name in one file are one thing: a schema and the type that it describes. */
function findDefinitions({ path, text }: SourceFile): Definition[] {
  if (!FOLDERS.test(path) || GENERATED.test(path)) return [];
  return [...text.matchAll(DEFINITION)].map((match) => ({
    name: match[1] ?? "",
    path,
    line: text.slice(0, match.index).split("\n").length,
  }));
}
