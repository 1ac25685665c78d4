// Collects the commands of `npm run pipeline --` from the features. A command reads its options, writes its audit record, acts,
// and returns the value to print.

import { alertCommands } from "../alerting/commands.ts";
import type { Command } from "../operation/command.ts";
import { projectCommands } from "../projects/commands.ts";
import { reconcileCommands } from "../reconcile/commands.ts";
import { redriveCommands } from "../redrive/commands.ts";
import { replayCommands } from "../replay/commands.ts";
import { planCommands } from "../tracking-plan/commands.ts";

export const COMMANDS: Record<string, Command> = {
  ...projectCommands,
  ...alertCommands,
  ...redriveCommands,
  ...reconcileCommands,
  ...planCommands,
  ...replayCommands,
};
