// Finds the directory of a project, and queries it. The number of directories never changes: the hash of a project's id chooses
// its directory. The object "shards" is the only directory of the previous release. It is queried too until it is empty.

import { hashId } from "@behaviour/contract";
import type { Env } from "../env.ts";
import type { ShardDirectory } from "./directory.ts";
import { projectOfShard } from "./shard-name.ts";

const DIRECTORIES = 16;
const OLD_DIRECTORY = "shards";

/** All directories. The previous release's directory is the last. */
export const DIRECTORY_NAMES: readonly string[] = [
  ...Array.from({ length: DIRECTORIES }, (_, index) => `shards:${index}`),
  OLD_DIRECTORY,
];

export function directoryNamed(env: Env, name: string): DurableObjectStub<ShardDirectory> {
  return env.DIRECTORY.get(env.DIRECTORY.idFromName(name));
}

export function directoryOf(env: Env, project: string): DurableObjectStub<ShardDirectory> {
  return directoryNamed(env, `shards:${hashId(project).low % DIRECTORIES}`);
}

export function directoryOfShard(env: Env, shard: string): DurableObjectStub<ShardDirectory> {
  return directoryOf(env, projectOfShard(shard));
}

/** Every shard of the project. @throws the fault of a directory that cannot be reached. */
export function listShards(env: Env, project: string): Promise<string[]> {
  return inBoth(env, project, (directory) => directory.listProject(project));
}

/** The project's shards that may know a message sent since `sinceMs`. */
export function listHolders(env: Env, project: string, sinceMs: number): Promise<string[]> {
  return inBoth(env, project, (directory) => directory.listHolders(project, sinceMs));
}

/** Stores the revocation for future shards. @returns the known existing shards, which must be notified. */
export async function revokeInDirectories(
  env: Env,
  project: string,
  keyIds: readonly string[],
): Promise<{ shards: string[]; faults: unknown[] }> {
  const answers = await Promise.allSettled([
    directoryOf(env, project).revoke(project, keyIds),
    directoryNamed(env, OLD_DIRECTORY).listProject(project),
  ]);
  const shards = answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
  const faults = answers.flatMap((answer) => (answer.status === "rejected" ? [answer.reason as unknown] : []));
  return { shards: [...new Set(shards)], faults };
}

async function inBoth(
  env: Env,
  project: string,
  ask: (directory: DurableObjectStub<ShardDirectory>) => Promise<string[]>,
): Promise<string[]> {
  const [own, old] = await Promise.all([ask(directoryOf(env, project)), ask(directoryNamed(env, OLD_DIRECTORY))]);
  return [...new Set([...own, ...old])];
}
