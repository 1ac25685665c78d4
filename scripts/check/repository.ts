// Reads the repository for the repository rules: the files that git tracks or would track, as text.

import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { ROOT, runCommand } from "../run-command.ts";
import { findBadCitations } from "./citations.ts";
import {
  type Finding,
  findClocks,
  findDeadLinks,
  findForbiddenNames,
  findMachinePaths,
  findTooLong,
  findUnfinished,
  type SourceFile,
} from "./repository-rules.ts";

const LISTING_DEADLINE_MS = 30_000;
/** A larger file is not a source file. */
const FILE_BYTES_MAX = 2 * 1024 * 1024;

/**
 * @returns the findings, one per line. Empty when there are no findings.
 * @throws when git cannot list the files.
 */
export async function judgeRepository(): Promise<string[]> {
  const files = await readFiles();
  const exists = (path: string) => existsSync(join(ROOT, path));
  const findings: Finding[] = [
    ...findTooLong(files),
    ...findForbiddenNames(files),
    ...findMachinePaths(files, ROOT),
    ...findUnfinished(files),
    ...findClocks(files),
    ...findDeadLinks(files, exists),
    ...findBadCitations(files),
  ];
  return listFindings(findings);
}

export function listFindings(findings: readonly Finding[]): string[] {
  return findings.map(({ path, line, message }) => `${path}${line === null ? "" : `:${line}`}: ${message}`);
}

/**
 * The files that git tracks or would track, as text.
 * @throws when git cannot list the files.
 */
export async function readFiles(): Promise<SourceFile[]> {
  // If root reads a clone that another user owns, git refuses it unless the option says that the folder is safe.
  const args = ["-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const listing = await runCommand("git", args, { deadlineMs: LISTING_DEADLINE_MS, output: "keep" });
  if (listing.exitCode !== 0) throw new Error(`git can't list the files: ${listing.problem ?? listing.output.trim()}`);
  const paths = [...new Set(listing.output.split("\0"))].filter((path) => path !== "").sort();
  return paths.flatMap((path) => {
    const stat = statSync(join(ROOT, path), { throwIfNoEntry: false });
    if (stat === undefined || !stat.isFile() || stat.size > FILE_BYTES_MAX) return [];
    const bytes = readFileSync(join(ROOT, path));
    return bytes.includes(0) ? [] : [{ path, text: bytes.toString("utf8") }];
  });
}
