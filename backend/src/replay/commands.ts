// Runs `pipeline replay`: replays failed events of a project, as `POST /v1/failed-events/replay` does, until all are done.

import { FAILURE_KINDS, FAILURES, type FailureCode, parseTime } from "@behaviour/contract";
import { audit, type Command, parse, UsageError } from "../operation/command.ts";
import { connectReplayer } from "./connect.ts";
import type { ReplayCounts, ReplayCursor } from "./replayer.ts";

const OPTIONS = {
  project: { type: "string" },
  code: { type: "string" },
  kind: { type: "string" },
  id: { type: "string", multiple: true },
  from: { type: "string" },
  to: { type: "string" },
} as const;

/** As long as failed events are kept, because the command means all of them by default. */
const SEARCHED_MS = 31 * 86_400_000;
const DEFAULT_PROJECT = "p_default";
/** Time between two lines of progress. */
const STEP_MS = 5_000;

export const replayCommands: Record<string, Command> = {
  replay: {
    usage:
      "replay [--project <id>] [--code <code>] [--kind <kind>] [--id <failed event>]… [--from <time>] [--to <time>]",
    run: async (args, parts) => {
      const { values } = parse(args, OPTIONS);
      const project = values.project ?? DEFAULT_PROJECT;
      const request = {
        project,
        code: oneOf("code", values.code, Object.keys(FAILURES) as FailureCode[]),
        kind: oneOf("kind", values.kind, FAILURE_KINDS),
        ids: values.id,
        fromMs: timeOf("from", values.from) ?? parts.nowMs() - SEARCHED_MS,
        toMs: timeOf("to", values.to) ?? parts.nowMs() + 1,
      };
      await audit(parts, project, "failed-events.replay", { ...request, ids: values.id?.length });
      const replayer = connectReplayer(parts.config, parts.sql);
      const sum: ReplayCounts = { examined: 0, replayed: 0, alreadyReplayed: 0, arrived: 0, notReplayable: 0 };
      let cursor: ReplayCursor | null = null;
      do {
        const endMs = performance.now() + STEP_MS;
        const progress = await replayer.run(request, cursor, () => performance.now() < endMs);
        for (const [name, count] of Object.entries(progress.counts)) sum[name as keyof ReplayCounts] += count as number;
        cursor = progress.next;
        if (cursor !== null) process.stderr.write(`pipeline: ${sum.examined} examined, ${sum.replayed} replayed …\n`);
      } while (cursor !== null);
      return sum;
    },
  },
};

function oneOf<T extends string>(option: string, value: string | undefined, known: readonly T[]): T | undefined {
  const found = known.find((one) => one === value);
  if (value !== undefined && found === undefined) throw new UsageError(`--${option} is one of ${known.join(", ")}`);
  return found;
}

function timeOf(option: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const ms = parseTime(/^\d+$/.test(value) ? Number(value) : value);
  if (ms === null) throw new UsageError(`--${option} is no time`);
  return ms;
}
