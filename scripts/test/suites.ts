// The suites behind `npm test`, in the order of an event's path and of what they cost: each package's own, then what crosses
// packages. Each is a folder with tests of vitest.

export interface Suite {
  /** As it is named to `--only`. */
  name: string;
  folder: string;
  about: string;
  /** Needs the SDK and the pages built. */
  needsPages: boolean;
  /** Starts whole pipelines: minutes rather than seconds. Left out by `--short`. */
  isLong: boolean;
  deadlineMs: number;
}

const MINUTE_MS = 60_000;

export const SUITES: readonly Suite[] = [
  {
    name: "scripts",
    folder: "scripts",
    about: "the repository's own rules",
    needsPages: false,
    isLong: false,
    deadlineMs: 6 * MINUTE_MS,
  },
  {
    name: "contract",
    folder: "contract",
    about: "what crosses a boundary: limits, keys, times, frames",
    needsPages: false,
    isLong: false,
    deadlineMs: 6 * MINUTE_MS,
  },
  {
    name: "edge",
    folder: "edge",
    about: "collector, buffer shard, sink and gateway, inside workerd",
    needsPages: true,
    isLong: false,
    deadlineMs: 15 * MINUTE_MS,
  },
  {
    name: "backend",
    folder: "backend",
    about: "processor, tiers, query and control plane, on the embedded stores",
    needsPages: false,
    isLong: false,
    deadlineMs: 24 * MINUTE_MS,
  },
  {
    name: "local",
    folder: "local",
    about: "AWS on one machine: event-source mapping, Postgres server, what a kill leaves behind",
    needsPages: false,
    isLong: false,
    deadlineMs: 12 * MINUTE_MS,
  },
  {
    name: "sdk",
    folder: "sdk/javascript",
    about: "the JavaScript library, against a collector on a real socket",
    needsPages: true,
    isLong: false,
    deadlineMs: 9 * MINUTE_MS,
  },
  {
    name: "web",
    folder: "web",
    about: "the pages: what they show, their size, their content security policy",
    needsPages: true,
    isLong: false,
    deadlineMs: 6 * MINUTE_MS,
  },
  {
    name: "tests",
    folder: "tests",
    about: "the whole path: real browser, every tier, faults (short form)",
    needsPages: true,
    isLong: true,
    deadlineMs: 36 * MINUTE_MS,
  },
];
