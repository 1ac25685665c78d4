// The suites behind `npm test`, ordered by an event's path and by their cost: first the suites of each package, then the suites
// that cross packages. Each suite is a folder with vitest tests.

export interface Suite {
  /** The suite's name for `--only`. */
  name: string;
  folder: string;
  about: string;
  /** Needs a build of the SDK and the pages. */
  needsPages: boolean;
  /** Starts whole pipelines and takes minutes rather than seconds. `--short` skips it. */
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
    about: "the contract between the sides: limits, keys, times, frames",
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
    about: "AWS on one machine: event-source mapping, Postgres server, state after a kill",
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
    about: "the pages: their content, their size, their content security policy",
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
