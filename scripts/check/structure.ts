// Reads the repository for the rules of its structure: which folder imports which, and which names are exported.

import { findIdleReasons, findSharedNames, SHARED_NAMES } from "./exported-names.ts";
import { findImports } from "./imports.ts";
import { findCircles, findClimbs, findHomeless, HOUSES } from "./layers.ts";
import { listFindings, readFiles } from "./repository.ts";

/**
 * @returns the findings, one per line. Empty when there are no findings.
 * @throws when git cannot list the files.
 */
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
