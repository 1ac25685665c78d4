// Reads and writes a plan as files in git: `plan.json` with mode and version, and one JSON file per event beside it. File names
// are for people; only the contents count.

import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { isObject, type PlanEvent, planEventName, type TrackingPlan } from "@behaviour/contract";
import { asciiLetters } from "./codegen/names.ts";
import { checkPlan, type PlanProblem } from "./document.ts";

const PLAN_FILE = "plan.json";
const NAME_MAX_LENGTH = 80;

export interface PlanFolder {
  /** The server's version that the files were made from; 0 for none. */
  version: number;
  plan: TrackingPlan;
}

/** The problems of the files, described for people. */
class PlanFilesError extends Error {}

/** @throws {PlanFilesError} that names the faulty files and their problems. */
export async function readPlanFolder(folder: string): Promise<PlanFolder> {
  const { version = 0, mode, unknownEvents, ...rest } = await readObject(join(folder, PLAN_FILE));
  const strange = Object.keys(rest).filter((name) => !name.startsWith("$"));
  if (strange.length > 0) throw new PlanFilesError(`${PLAN_FILE}: what is "${strange.join('", "')}"?`);
  if (!Number.isInteger(version) || (version as number) < 0) {
    throw new PlanFilesError(`${PLAN_FILE}: version is the number that the last push or pull wrote there`);
  }
  const names = (await eventFiles(folder)).toSorted();
  const events = await Promise.all(names.map((name) => readObject(join(folder, name))));
  const checked = checkPlan({ mode, ...(unknownEvents === undefined ? {} : { unknownEvents }), events });
  if (checked.ok) return { version: version as number, plan: checked.plan };
  throw new PlanFilesError(checked.problems.map((problem) => inFile(problem, names)).join("\n"));
}

/** Writes the plan's files, and removes the files of events that are not in the plan. */
export async function writePlanFolder(folder: string, { version, plan }: PlanFolder): Promise<string[]> {
  const { mode, unknownEvents, events } = plan;
  await mkdir(folder, { recursive: true });
  const before = await eventFiles(folder);
  const kept = await namesInUse(folder, before);
  const files = new Map<string, PlanEvent>();
  for (const event of events) files.set(kept.get(planEventName(event)) ?? freeName(event, files, kept), event);
  for (const name of before) if (!files.has(name)) await rm(join(folder, name));
  for (const [name, event] of files) await writeObject(join(folder, name), toFile(event));
  await writeVersion(folder, version, { mode, unknownEvents });
  return [PLAN_FILE, ...files.keys()];
}

export function writeVersion(
  folder: string,
  version: number,
  { mode, unknownEvents }: Pick<TrackingPlan, "mode" | "unknownEvents">,
): Promise<void> {
  return writeObject(join(folder, PLAN_FILE), { version, mode, unknownEvents });
}

/** Fields in the order that people expect, without default values. */
function toFile({ type, event, version, description, schema }: PlanEvent): Record<string, unknown> {
  return {
    type,
    ...(event === undefined ? {} : { event }),
    ...(version === 1 ? {} : { version }),
    ...(description === undefined ? {} : { description }),
    schema,
  };
}

async function eventFiles(folder: string): Promise<string[]> {
  let entries: string[];
  try {
    entries = await readdir(folder);
  } catch (error) {
    throw new PlanFilesError(`${folder} cannot be read: ${(error as Error).message}`);
  }
  return entries.filter((name) => name.endsWith(".json") && name !== PLAN_FILE && !name.startsWith("."));
}

/** Maps each event to its existing file, so that a pull renames no file. */
async function namesInUse(folder: string, files: readonly string[]): Promise<Map<string, string>> {
  const names = new Map<string, string>();
  for (const file of files) {
    const { type = "track", event, version = 1 } = await readObject(join(folder, file)).catch(() => ({}) as PlanEvent);
    names.set(planEventName({ type, event, version } as PlanEvent), file);
  }
  return names;
}

function freeName(event: PlanEvent, taken: ReadonlyMap<string, unknown>, kept: ReadonlyMap<string, string>): string {
  const { type, event: name, version } = event;
  const words = [...(type === "track" ? [] : [type]), name ?? "", ...(version === 1 ? [] : [`v${version}`])].join(" ");
  const plain = asciiLetters(words)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "")
    .slice(0, NAME_MAX_LENGTH);
  const reserved = new Set([...kept.values(), PLAN_FILE]);
  for (let count = 1; ; count++) {
    const file = `${plain === "" ? "event" : plain}${count === 1 ? "" : `-${count}`}.json`;
    if (!taken.has(file) && !reserved.has(file)) return file;
  }
}

function inFile({ pointer, message }: PlanProblem, names: readonly string[]): string {
  const match = /^\/events\/(\d+)(.*)$/.exec(pointer);
  const file = match === null ? PLAN_FILE : (names[Number(match[1])] ?? PLAN_FILE);
  return `${file}: ${match === null ? pointer : match[2]}: ${message}`;
}

async function readObject(path: string): Promise<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    throw new PlanFilesError(`${basename(path)}: ${(error as Error).message}`);
  }
  if (!isObject(value)) throw new PlanFilesError(`${basename(path)}: must be a JSON object`);
  return value;
}

function writeObject(path: string, value: Record<string, unknown>): Promise<void> {
  return writeFile(path, `${JSON.stringify(value, null, 2)}\n`);
}
