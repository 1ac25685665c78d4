// The command `pipeline reconcile` shows a project's minutes, hop by hop. With --run it checks them first.

import { dynamodbClient } from "../aws.ts";
import { type Command, parse, UsageError } from "../operation/command.ts";
import { time } from "../operation/parameters.ts";
import { EdgeCounters } from "../process/edge-counters.ts";
import { reconciledMinutes } from "./report.ts";
import { reconcile } from "./run.ts";

const OPTIONS = {
  project: { type: "string" },
  from: { type: "string" },
  to: { type: "string" },
  run: { type: "boolean" },
  all: { type: "boolean" },
} as const;
const DEFAULT_PROJECT = "p_default";
const DAY_MS = 86_400_000;
const MINUTES_MAX = 10_080;
const UNBOUNDED_MS = 3_600_000;

export const reconcileCommands: Record<string, Command> = {
  reconcile: {
    usage: "reconcile [--project <id>] [--from <time>] [--to <time>] [--all] [--run]",
    run: async (args, { sql, config, nowMs }) => {
      const { values } = parse(args, OPTIONS);
      if (values.run === true) {
        const dynamodb = dynamodbClient(config);
        const parts = { sql, dynamodb, edgeCounters: new EdgeCounters(dynamodb), nowMs };
        await reconcile(parts, () => UNBOUNDED_MS);
        dynamodb.destroy();
      }
      const toMs = timeOf("to", values.to) ?? nowMs();
      const range = { fromMs: timeOf("from", values.from) ?? toMs - DAY_MS, toMs };
      const project = values.project ?? DEFAULT_PROJECT;
      const minutes = await reconciledMinutes(sql, project, range, MINUTES_MAX, nowMs());
      if (minutes.some(({ state }) => state === "imbalanced")) process.exitCode = 1;
      const shown = values.all === true ? minutes : minutes.filter(({ state }) => state !== "balanced");
      return { minutes: minutes.length, balanced: minutes.filter(({ state }) => state === "balanced").length, shown };
    },
  },
};

function timeOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const parsed = time.safeParse(text);
  if (!parsed.success) throw new UsageError(`--${option}: not a time`);
  return parsed.data;
}
