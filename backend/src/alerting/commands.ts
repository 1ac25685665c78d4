// Runs `pipeline alerts …` with the same functions as the admin routes.

import {
  audit,
  type Command,
  type CommandParts,
  check,
  only,
  parse,
  UsageError,
  unwrap,
} from "../operation/command.ts";
import { findProject, listProjects } from "../projects/projects.ts";
import { signingSecret } from "./notification.ts";
import { AlertChange, AlertInput } from "./rule.ts";
import { alertServices } from "./services.ts";
import { createAlert, deleteAlert, findAlert, listAlerts, type RuleRow, updateAlert, viewAlert } from "./store.ts";
import { sendTest } from "./test-notification.ts";

const DELIVERY_MS = 10_000;

const RULE_OPTIONS = {
  project: { type: "string" },
  name: { type: "string" },
  condition: { type: "string" },
  timing: { type: "string" },
  webhook: { type: "string", multiple: true },
  sns: { type: "string", multiple: true },
  "silence-until": { type: "string" },
  enable: { type: "boolean" },
  disable: { type: "boolean" },
  "rotate-secret": { type: "boolean" },
} as const;

const RULE_USAGE = "[--timing <json>] [--webhook <https address>]… [--sns <topic ARN>]… [--silence-until <time>|none]";

export const alertCommands: Record<string, Command> = {
  "alerts list": {
    usage: "alerts list [--project <id>]",
    run: async (args, { database }) => {
      const { values } = parse(args, { project: { type: "string" } });
      const projects =
        values.project === undefined ? (await listProjects(database)).map(({ id }) => id) : [values.project];
      return listAlerts(database, projects);
    },
  },
  "alerts create": {
    usage: `alerts create --project <id> --name <name> --condition <json> ${RULE_USAGE} [--disable]`,
    run: async (args, parts) => {
      const { values } = parse(args, RULE_OPTIONS);
      const project = values.project;
      if (project === undefined) throw new UsageError("--project is missing");
      if ((await findProject(parts.database, project)) === null) throw new Error(`there is no project ${project}`);
      const input = check(AlertInput, optionsOf(values));
      await audit(parts, project, "alerts.create", { name: input.name, condition: input.condition });
      const rule = unwrap(await createAlert(parts.database, project, input), "alert");
      return shown(parts, rule, true);
    },
  },
  "alerts update": {
    usage: `alerts update <id> [--name <name>] [--condition <json>] ${RULE_USAGE} [--enable|--disable] [--rotate-secret]`,
    run: async (args, parts) => {
      const { values, positionals } = parse(args, RULE_OPTIONS);
      const before = await existing(parts, only(positionals, "id"));
      const change = check(AlertChange, optionsOf(values));
      await audit(parts, before.project, "alerts.update", { alert: before.id, changed: Object.keys(change) });
      const rule = unwrap(await updateAlert(parts.database, before, change, parts.nowMs()), `alert ${before.id}`);
      return shown(parts, rule, change.rotateSecret === true);
    },
  },
  "alerts delete": {
    usage: "alerts delete <id>",
    run: async (args, parts) => {
      const rule = await existing(parts, only(parse(args, {}).positionals, "id"));
      await audit(parts, rule.project, "alerts.delete", { alert: rule.id });
      await deleteAlert(parts.database, rule.id);
      return { id: rule.id, deleted: true };
    },
  },
  "alerts test": {
    usage: "alerts test <id>",
    run: async (args, parts) => {
      const rule = await existing(parts, only(parse(args, {}).positionals, "id"));
      await audit(parts, rule.project, "alerts.test", { alert: rule.id });
      const tested = await sendTest(rule, alertServices(parts.config, DELIVERY_MS), parts.nowMs());
      if (tested.some(({ delivered }) => !delivered)) process.exitCode = 1;
      return tested;
    },
  },
};

async function existing({ database }: CommandParts, id: string): Promise<RuleRow> {
  const rule = await findAlert(database, id);
  if (rule === null) throw new Error(`there is no alert ${id}`);
  return rule;
}

async function shown({ database, config }: CommandParts, rule: RuleRow, withSecret: boolean) {
  const view = await viewAlert(database, rule);
  const signs = withSecret && rule.channels.some(({ kind }) => kind === "webhook");
  return signs ? { ...view, signingSecret: signingSecret(alertServices(config, DELIVERY_MS).signingKey, rule) } : view;
}

interface RuleValues {
  name?: string;
  condition?: string;
  timing?: string;
  webhook?: string[];
  sns?: string[];
  "silence-until"?: string;
  enable?: boolean;
  disable?: boolean;
  "rotate-secret"?: boolean;
}

/** The input as the admin routes accept it. An option that was not given is absent. */
function optionsOf(values: RuleValues): Record<string, unknown> {
  const options: Record<string, unknown> = {};
  if (values.name !== undefined) options["name"] = values.name;
  if (values.condition !== undefined) options["condition"] = json(values.condition, "--condition");
  if (values.timing !== undefined) options["timing"] = json(values.timing, "--timing");
  if (values.webhook !== undefined || values.sns !== undefined) {
    options["channels"] = [
      ...(values.webhook ?? []).map((url) => ({ kind: "webhook", url })),
      ...(values.sns ?? []).map((topicArn) => ({ kind: "sns", topicArn })),
    ];
  }
  const until = values["silence-until"];
  if (until !== undefined) options["silencedUntil"] = until === "none" ? null : until;
  if (values.enable === true) options["enabled"] = true;
  if (values.disable === true) options["enabled"] = false;
  if (values["rotate-secret"] === true) options["rotateSecret"] = true;
  return options;
}

function json(text: string, option: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new UsageError(`${option} is not JSON`);
  }
}
