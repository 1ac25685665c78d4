// The benchmark's command line.

import { parseArgs } from "node:util";
import { LOAD_KINDS, type LoadKind } from "./events.ts";

export interface BenchOptions {
  seconds: number;
  rounds: number;
  batches: number[];
  connections: number;
  load: LoadKind;
  /** Number of shards in the key's record. */
  shards: number;
  /** Copies of the Worker. Each has its own memory. */
  isolates: number;
  json: boolean;
  /** Another bundle to measure beside this one, for example the bundle before a change. */
  against: string | null;
  mode: { name: "closedLoop" } | { name: "openLoop"; eventsPerSecond: number } | CostMode;
}

/** The runs to make. Null means all runs. */
export interface CostMode {
  name: "cost";
  shards: number | null;
  isolates: number | null;
  eventsPerSecond: number | null;
  /** The project's setting. Null means that it is not set. */
  serverShards: number | null;
}

export const HELP = `npm run bench -- [flags]

Measures the collector (the production bundle in plain workerd, its shards on this disk) and a handler on the same runtime
that only parses: the ceiling. The stream behind the collector is a null Kinesis that accepts every record immediately.

  --seconds N        duration of each measurement (default 4)
  --rounds N         number of rounds with ceiling and collector in turn; medians are printed (default 3)
  --batch LIST       events per request, e.g. 1,20,100 (the default)
  --connections N    closed loop: connections that each wait for their answer (default 64)
  --load KIND        mix: events as websites send them (the default); track: only track events of 870 bytes
  --shards N         the project's buffer shards (default 1)
  --isolates N       copies of the Worker in the one process; the connections are spread over them, and requests of
                     different isolates cannot join (default 1)
  --open-loop RATE   instead: RATE events/s arrive evenly in batches of 20 (or --batch); latency counts from the time
                     when each request was due
  --cost             instead: counts the operations of the Worker and its objects, and prices them: single events and
                     batches of 20, of one device and of many users, at 10, 1,000 and 50,000 events/s, with 1 and 64
                     shards, from 1 and 32 isolates; --shards, --isolates and --rate select from these or set others
  --rate RATE        with --cost: the rate
  --server-shards N  with --cost: the project keeps its secret keys' events (events of many users) on N shards
  --against FILE     also measures another bundle (a worker.js), in turn with this bundle
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
