// Runs `pipeline projects …` and `pipeline keys …` with the same functions as the admin routes.

import {
  audit,
  type Command,
  type CommandParts,
  check,
  numberOf,
  only,
  parse,
  UsageError,
  unwrap,
} from "../operation/command.ts";
import { KeyInput, ProjectChange, ProjectInput, RotateInput } from "./input.ts";
import { createKey, findKeyById, listKeys, revokeKey, rotateKey } from "./keys.ts";
import { createProject, findProject, listProjects, updateProject } from "./projects.ts";
import { pushAll, pushUpdates } from "./push.ts";

const PROJECT_OPTIONS = {
  name: { type: "string" },
  settings: { type: "string" },
  shards: { type: "string" },
} as const;
const KEY_OPTIONS = {
  project: { type: "string" },
  kind: { type: "string" },
  environment: { type: "string" },
  scope: { type: "string", multiple: true },
  origin: { type: "string", multiple: true },
  cidr: { type: "string", multiple: true },
  "rate-limit": { type: "string" },
  "not-before": { type: "string" },
  "not-after": { type: "string" },
} as const;

export const projectCommands: Record<string, Command> = {
  "projects list": {
    usage: "projects list",
    run: async (args, { database }) => {
      parse(args, {});
      return listProjects(database);
    },
  },
  "projects create": {
    usage: "projects create --name <name> [--settings <json>] [--shards <n>]",
    run: async (args, parts) => {
      const { values } = parse(args, PROJECT_OPTIONS);
      const project = await createProject(parts.database, check(ProjectInput, projectOptions(values)), null);
      await audit(parts, project.id, "projects.create", { project: project.id, name: project.name });
      return project;
    },
  },
  "projects update": {
    usage: "projects update <id> [--name <name>] [--settings <json>] [--shards <n>]",
    run: async (args, parts) => {
      const { values, positionals } = parse(args, PROJECT_OPTIONS);
      const id = only(positionals, "id");
      const change = check(ProjectChange, projectOptions(values));
      if ((await findProject(parts.database, id)) === null) throw new Error(`there is no project ${id}`);
      await audit(parts, id, "projects.update", { project: id, change });
      const project = unwrap(await updateProject(parts.database, id, change), `project ${id}`);
      // A key's record carries its project's settings to the edge.
      reportPush((await pushAll(parts.database, parts.edge, id)).complete);
      return project;
    },
  },
  "keys list": {
    usage: "keys list [--project <id>]",
    run: async (args, { database }) => {
      const { values } = parse(args, { project: { type: "string" } });
      const projects =
        values.project === undefined ? (await listProjects(database)).map(({ id }) => id) : [values.project];
      return listKeys(database, projects);
    },
  },
  "keys create": {
    usage:
      "keys create --project <id> --kind public|secret [--environment live|test] [--scope <scope>]… [--origin <origin>]… " +
      "[--cidr <range>]… [--rate-limit <events per second>] [--not-before <time>] [--not-after <time>]",
    run: async (args, parts) => {
      const { values } = parse(args, KEY_OPTIONS);
      const input = check(KeyInput, {
        projectId: values.project,
        kind: values.kind,
        environment: values.environment,
        scopes: values.scope,
        origins: values.origin,
        cidrs: values.cidr,
        rateLimit: numberOf(values["rate-limit"]),
        notBefore: values["not-before"],
        notAfter: values["not-after"],
      });
      const owner = await findProject(parts.database, input.projectId);
      if (owner === null) throw new Error(`there is no project ${input.projectId}`);
      await audit(parts, owner.id, "keys.create", { ...input });
      const made = await createKey(parts.database, owner, input);
      reportPush(await pushUpdates(parts.database, parts.edge, made.updates));
      return { ...made.view, key: made.key };
    },
  },
  "keys rotate": {
    usage: "keys rotate <id> [--overlap-hours <hours>]",
    run: async (args, parts) => {
      const { values, positionals } = parse(args, { "overlap-hours": { type: "string" } });
      const id = only(positionals, "id");
      const hours = numberOf(values["overlap-hours"]);
      const { overlapHours } = check(RotateInput, hours === undefined ? {} : { overlapHours: hours });
      await audit(parts, await ownerOf(parts, id), "keys.rotate", { key: id, overlapHours });
      const made = unwrap(await rotateKey(parts.database, id, overlapHours, parts.nowMs()), `key ${id}`);
      reportPush(await pushUpdates(parts.database, parts.edge, made.updates));
      return { ...made.view, key: made.key };
    },
  },
  "keys revoke": {
    usage: "keys revoke <id>",
    run: async (args, parts) => {
      const id = only(parse(args, {}).positionals, "id");
      await audit(parts, await ownerOf(parts, id), "keys.revoke", { key: id });
      const revoked = unwrap(await revokeKey(parts.database, id, parts.nowMs()), `key ${id}`);
      reportPush(await pushUpdates(parts.database, parts.edge, revoked.updates));
      return revoked.view;
    },
  },
  "keys push": {
    usage: "keys push [--project <id>]",
    run: async (args, { database, edge }) => {
      const { values } = parse(args, { project: { type: "string" } });
      const { pushed, complete } = await pushAll(database, edge, values.project);
      reportPush(complete);
      return { pushed };
    },
  },
};

function projectOptions(values: { name?: string; settings?: string; shards?: string }): Record<string, unknown> {
  const options: Record<string, unknown> = {};
  if (values.name !== undefined) options.name = values.name;
  if (values.shards !== undefined) options.shards = numberOf(values.shards);
  if (values.settings !== undefined) {
    try {
      options.settings = JSON.parse(values.settings) as unknown;
    } catch {
      throw new UsageError("--settings is not JSON");
    }
  }
  return options;
}

async function ownerOf({ database }: CommandParts, keyId: string): Promise<string> {
  const found = await findKeyById(database, keyId);
  if (found === null) throw new Error(`there is no key ${keyId}`);
  return found.projectId;
}

/** The change is stored in either case. Only the edge may use the old record for a moment. */
function reportPush(complete: boolean): void {
  if (complete) return;
  process.exitCode = 1;
  process.stderr.write(
    "pipeline: the edge has not been told yet; it is told within a minute of answering again, or by `npm run pipeline -- keys push`\n",
  );
}
