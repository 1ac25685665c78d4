// Reads the repository for the rules of its structure: which folder imports which, and what is called what.

import { findIdleReasons, findSharedNames, SHARED_NAMES } from "./exported-names.ts";
import { findImports } from "./imports.ts";
import { findCircles, findClimbs, findHomeless, HOUSES } from "./layers.ts";
import { listFindings, readFiles } from "./repository.ts";

/** @returns what is wrong, one line each; empty when nothing is. @throws when git can't list the files. */
export async function judgeStructure(): Promise<string[]> {
  const files = await readFiles();
  const paths = files.map(({ path }) => path);
  const imports = findImports(files);
  return listFindings([
    ...HOUSES.flatMap((house) => [...findClimbs(house, imports), ...findHomeless(house, paths)]),
    ...findCircles(imports),
    ...findSharedNames(files, SHARED_NAMES),
    ...findIdleReasons(files, SHARED_NAMES),
  ]);
}
