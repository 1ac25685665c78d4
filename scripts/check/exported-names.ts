// One name, one thing: what contract, edge and backend export bears a name of its own, so that a search for it finds one
// definition. Pure; the files' texts come from repository.ts.

import type { Finding, SourceFile } from "./repository-rules.ts";

const FOLDERS = /^(?:contract|edge|backend)\/src\/.*\.ts$/;
const GENERATED = /\.generated\./;
const DEFINITION =
  /^export (?:declare )?(?:default )?(?:abstract )?(?:async )?(?:function\*?|const|let|class|interface|type|enum) (\w+)/gm;

/** Names that several files may define, each with its reason. */
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

/** Names with a reason that need none. */
export function findIdleReasons(files: readonly SourceFile[], allowed: Readonly<Record<string, string>>): Finding[] {
  const byName = Map.groupBy(files.flatMap(findDefinitions), ({ name }) => name);
  return Object.keys(allowed).flatMap((name) => {
    const paths = new Set((byName.get(name) ?? []).map(({ path }) => path));
    if (paths.size > 1) return [];
    return [{ path: "scripts/check/exported-names.ts", line: null, message: `${name} needs no reason any more` }];
  });
}

/** A constant and a type of one name in one file are one thing: a schema and what it describes. */
function findDefinitions({ path, text }: SourceFile): Definition[] {
  if (!FOLDERS.test(path) || GENERATED.test(path)) return [];
  return [...text.matchAll(DEFINITION)].map((match) => ({
    name: match[1] ?? "",
    path,
    line: text.slice(0, match.index).split("\n").length,
  }));
}
