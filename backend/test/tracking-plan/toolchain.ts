// Finds the compilers of other languages. Without one, a newcomer's test is skipped; with `CI=true` it fails.

import { spawnSync } from "node:child_process";

export function toolchain(program: string, versionArguments: readonly string[]): { isMissing: boolean } {
  const { status } = spawnSync(program, versionArguments, { timeout: 30_000 });
  if (status !== 0 && process.env["CI"] === "true") throw new Error(`${program} is missing, and CI=true skips nothing`);
  return { isMissing: status !== 0 };
}
