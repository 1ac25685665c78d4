// Runs `pipeline redrive`: redrives the batches of the failure destination, immediately and in this process.

import { type Command, parse, UsageError } from "../operation/command.ts";
import { connectRedriver } from "./connect.ts";
import { redrive } from "./redriver.ts";
import { CONSUMERS, type Consumer } from "./undelivered.ts";

const OPTIONS = { consumer: { type: "string" }, "dry-run": { type: "boolean" }, limit: { type: "string" } } as const;
const LIMIT_DEFAULT = 1_000;
/** No platform limits the time of a command. Each of its calls has its own deadline. */
const UNBOUNDED_MS = 3_600_000;

export const redriveCommands: Record<string, Command> = {
  redrive: {
    usage: `redrive [--consumer ${CONSUMERS.join("|")}] [--dry-run] [--limit <batches>]`,
    run: async (args, { config }) => {
      const { values } = parse(args, OPTIONS);
      const consumer = CONSUMERS.find((name) => name === values.consumer);
      if (values.consumer !== undefined && consumer === undefined) {
        throw new UsageError(`--consumer: one of ${CONSUMERS.join(", ")}`);
      }
      const limit = Number(values.limit ?? LIMIT_DEFAULT);
      if (!Number.isInteger(limit) || limit < 1) throw new UsageError("--limit: a number of batches");
      const options: { consumer: Consumer | undefined; dryRun: boolean; limit: number } = {
        consumer,
        dryRun: values["dry-run"] === true,
        limit,
      };
      const batches = await redrive(connectRedriver(config), options, () => UNBOUNDED_MS);
      if (batches.some(({ outcome }) => outcome === "failed" || outcome === "unreadable")) process.exitCode = 1;
      return batches;
    },
  },
};
