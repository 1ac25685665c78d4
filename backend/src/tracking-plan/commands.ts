// Implements `pipeline plan …`: moves tracking plans between files in git and the control plane, and generates code from them.

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { dynamodbClient } from "../aws.ts";
import { audit, type Command, type CommandParts, only, parse, UsageError } from "../operation/command.ts";
import { findProject } from "../projects/projects.ts";
import { generateCode, LANGUAGES, type Language } from "./codegen/generate.ts";
import { type PlanChange, planDifference } from "./difference.ts";
import { readPlanFolder, writePlanFolder, writeVersion } from "./files.ts";
import { PublishedPlans } from "./published.ts";
import { NO_PLAN, PlanVersions } from "./versions.ts";

const DEFAULT_PROJECT = "p_default";
const PROJECT = { project: { type: "string" } } as const;

export const planCommands: Record<string, Command> = {
  "plan push": {
    usage: "plan push <folder> [--project <id>] [--allow-breaking]",
    run: async (args, parts) => {
      const { values, positionals } = parse(args, { ...PROJECT, "allow-breaking": { type: "boolean" } });
      const folder = only(positionals, "folder");
      const project = await ownerOf(parts, values.project);
      const { version: baseVersion, plan } = await readPlanFolder(folder);
      const versions = versionsOf(parts);
      const current = await versions.find(project);
      const changes = planDifference(current?.plan ?? NO_PLAN, plan);
      if (values["allow-breaking"] !== true && isBreaking(changes)) {
        process.exitCode = 1;
        process.stderr.write(
          "pipeline: nothing was pushed: events that are sent now would break it (--allow-breaking)\n",
        );
        return { pushed: false, version: current?.version ?? 0, changes };
      }
      const { mode, unknownEvents, events } = plan;
      await audit(parts, project, "tracking-plan.push", { project, mode, unknownEvents, events: events.length });
      const pushed = await versions.push(project, plan, "cli", baseVersion);
      if (!pushed.ok) {
        throw new Error(
          `the plan is at version ${pushed.currentVersion}, these files are of ${baseVersion}: pull first (git shows what differs)`,
        );
      }
      await writeVersion(folder, pushed.version, plan);
      if (!pushed.propagated) {
        process.exitCode = 1;
        process.stderr.write("pipeline: the processor has not been told; push again once DynamoDB answers\n");
      }
      return { pushed: true, version: pushed.version, created: pushed.created, changes };
    },
  },
  "plan pull": {
    usage: "plan pull <folder> [--project <id>] [--version <n>]",
    run: async (args, parts) => {
      const { values, positionals } = parse(args, { ...PROJECT, version: { type: "string" } });
      const folder = only(positionals, "folder");
      const project = await ownerOf(parts, values.project);
      const wanted = values.version === undefined ? undefined : Number(values.version);
      if (wanted !== undefined && !(Number.isInteger(wanted) && wanted > 0))
        throw new UsageError("--version is a number");
      await audit(parts, project, "tracking-plan.get", { project, version: wanted });
      const found = await versionsOf(parts).find(project, wanted);
      if (found === null)
        throw new Error(`project ${project} has no ${wanted === undefined ? "plan" : `version ${wanted}`}`);
      return { version: found.version, files: await writePlanFolder(folder, found) };
    },
  },
  "plan check": {
    usage: "plan check <folder> [--project <id>] [--offline]",
    run: async (args, parts) => {
      const { values, positionals } = parse(args, { ...PROJECT, offline: { type: "boolean" } });
      const { version, plan } = await readPlanFolder(only(positionals, "folder"));
      const { mode, events } = plan;
      if (values.offline === true) return { valid: true, version, mode, events: events.length };
      const project = await ownerOf(parts, values.project);
      await audit(parts, project, "tracking-plan.get", { project });
      const current = await versionsOf(parts).find(project);
      const changes = planDifference(current?.plan ?? NO_PLAN, plan);
      const breaking = isBreaking(changes);
      if (breaking) process.exitCode = 1;
      const currentVersion = current?.version ?? 0;
      return {
        valid: true,
        version,
        currentVersion,
        upToDate: version === currentVersion,
        mode,
        events: events.length,
        breaking,
        changes,
      };
    },
  },
  "plan codegen": {
    usage: `plan codegen --language ${LANGUAGES.join("|")} --out <folder> [<folder of the plan>] [--project <id>] [--package <name>]`,
    run: async (args, parts) => {
      const { values, positionals } = parse(args, {
        ...PROJECT,
        language: { type: "string" },
        out: { type: "string" },
        package: { type: "string" },
      });
      const language = LANGUAGES.find((one) => one === values.language);
      if (language === undefined) throw new UsageError(`--language is one of ${LANGUAGES.join(", ")}`);
      if (values.out === undefined) throw new UsageError("--out is the folder that the code is written to");
      const [folder] = positionals;
      const plan =
        folder === undefined ? await currentPlan(parts, values.project) : (await readPlanFolder(folder)).plan;
      return { language, files: await writeCode(values.out, language, plan, values.package) };
    },
  },
};

async function writeCode(
  out: string,
  language: Language,
  plan: Parameters<typeof generateCode>[1],
  packageName?: string,
) {
  const files = generateCode(language, plan, packageName === undefined ? {} : { packageName });
  await mkdir(out, { recursive: true });
  for (const { path, text } of files) {
    const target = join(out, path);
    await mkdir(join(target, ".."), { recursive: true });
    await writeFile(target, text);
  }
  return files.map(({ path }) => path);
}

async function currentPlan(parts: CommandParts, given: string | undefined) {
  const project = await ownerOf(parts, given);
  await audit(parts, project, "tracking-plan.get", { project });
  const found = await versionsOf(parts).find(project);
  if (found === null) throw new Error(`project ${project} has no plan: push one, or name a folder`);
  return found.plan;
}

function versionsOf({ config, database }: CommandParts): PlanVersions {
  return new PlanVersions(database, new PublishedPlans(dynamodbClient(config)));
}

async function ownerOf({ database }: CommandParts, given: string | undefined): Promise<string> {
  const id = given ?? DEFAULT_PROJECT;
  if ((await findProject(database, id)) === null) throw new Error(`there is no project ${id}`);
  return id;
}

function isBreaking(changes: readonly PlanChange[]): boolean {
  return changes.some(({ breaking }) => breaking);
}
