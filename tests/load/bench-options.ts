// The benchmark's command line.

import { parseArgs } from "node:util";
import { LOAD_KINDS, type LoadKind } from "./events.ts";

export interface BenchOptions {
  seconds: number;
  rounds: number;
  batches: number[];
  connections: number;
  load: LoadKind;
  /** What the key's record says. */
  shards: number;
  /** Copies of the Worker, each with its own memory. */
  isolates: number;
  json: boolean;
  /** Another bundle to measure beside ours, e.g. the one before a change. */
  against: string | null;
  mode: { name: "closedLoop" } | { name: "openLoop"; eventsPerSecond: number } | CostMode;
}

/** Which of the runs; null: all of them. */
export interface CostMode {
  name: "cost";
  shards: number | null;
  isolates: number | null;
  eventsPerSecond: number | null;
  /** The project's setting; null: none. */
  serverShards: number | null;
}

export const HELP = `npm run bench -- [flags]

Measures the collector (the production bundle in plain workerd, its shards on this disk) beside a handler on the same
runtime that only parses: the ceiling. The stream behind it is a null Kinesis that takes everything at once.

  --seconds N        how long each measurement lasts (default 4)
  --rounds N         how often ceiling and collector alternate; medians are printed (default 3)
  --batch LIST       events a request, e.g. 1,20,100 (the default)
  --connections N    closed loop: connections that each wait for their answer (default 64)
  --load KIND        mix: what websites send (the default); track: track events of 870 bytes only
  --shards N         the project's buffer shards (default 1)
  --isolates N       copies of the Worker in the one process, over which connections are spread: requests of different
                     isolates can't join (default 1)
  --open-loop RATE   instead: RATE events/s arrive evenly in batches of 20 (or --batch), latency from when each was due
  --cost             instead: counts what the Worker and its objects do, and prices it: single events and batches of 20, of
                     one device and of many users, at 10, 1,000 and 50,000 events/s, with 1 and 64 shards, from 1 and 32
                     isolates; --shards, --isolates and --rate pick from these or give others
  --rate RATE        of --cost
  --server-shards N  of --cost: the project keeps its secret keys' events (those of many users) on so many shards
  --against FILE     measures another bundle (a worker.js) as well, in turn with this one
  --json             prints one JSON object instead of the table
  --help`;

/** @throws with a message that names the flag. */
export function readOptions(args: string[]): BenchOptions | "help" {
  const { values } = parseArgs({
    args,
    options: {
      seconds: { type: "string", default: "4" },
      rounds: { type: "string", default: "3" },
      batch: { type: "string" },
      connections: { type: "string", default: "64" },
      load: { type: "string", default: "mix" },
      shards: { type: "string" },
      isolates: { type: "string" },
      rate: { type: "string" },
      "server-shards": { type: "string" },
      "open-loop": { type: "string" },
      cost: { type: "boolean", default: false },
      against: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return "help";
  const shards = optional(values.shards, (text) => whole("--shards", text));
  const isolates = optional(values.isolates, (text) => whole("--isolates", text));
  const rate = optional(values.rate, (text) => positive("--rate", text));
  const serverShards = optional(values["server-shards"], (text) => whole("--server-shards", text));
  const mode = values.cost
    ? ({ name: "cost", shards, isolates, eventsPerSecond: rate, serverShards } as const)
    : loopOf(values["open-loop"]);
  const batch = values.batch ?? (mode.name === "openLoop" ? "20" : "1,20,100");
  return {
    seconds: positive("--seconds", values.seconds),
    rounds: whole("--rounds", values.rounds),
    batches: batch.split(",").map((size) => whole("--batch", size)),
    connections: whole("--connections", values.connections),
    load: loadKind(values.load),
    shards: shards ?? 1,
    isolates: isolates ?? 1,
    json: values.json,
    against: values.against ?? null,
    mode,
  };
}

function loopOf(rate: string | undefined): BenchOptions["mode"] {
  return rate === undefined
    ? { name: "closedLoop" }
    : { name: "openLoop", eventsPerSecond: positive("--open-loop", rate) };
}

function optional<T>(text: string | undefined, read: (text: string) => T): T | null {
  return text === undefined ? null : read(text);
}

function loadKind(text: string): LoadKind {
  const kind = LOAD_KINDS.find((each) => each === text);
  if (kind === undefined) throw new Error(`--load takes ${LOAD_KINDS.join(" or ")}, not "${text}"`);
  return kind;
}

function positive(flag: string, text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new Error(`${flag} takes a number above 0, not "${text}"`);
  return value;
}

function whole(flag: string, text: string): number {
  const value = positive(flag, text);
  if (!Number.isInteger(value)) throw new Error(`${flag} takes whole numbers, not "${text}"`);
  return value;
}
