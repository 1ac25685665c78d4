// Folders import one way. Each folder is on a floor and imports from its own floor and the floors below. Within a floor no chain
// of imports leads back to the folder where it began, and no circle of files exists anywhere. Type imports count: a circle of
// types never fails at run time, but a reader needs all of its files to understand any of them. Pure. repository.ts reads the
// files' texts.

import { findGroups, shortestCircle } from "./circles.ts";
import { CODE, type Import } from "./imports.ts";
import type { Finding } from "./repository-rules.ts";

/** The floors of one folder. */
export interface House {
  /** "" for the repository itself. */
  folder: string;
  /** Lowest first. */
  floors: readonly Floor[];
}

export interface Floor {
  /** Folders and files below the house's own folder. If two rooms match a path, the longer room is used. */
  rooms: readonly string[];
  /** These rooms do not import from each other at all. */
  areApart?: true;
}

/** Tests are on the top floor, wherever their folder is. They may import everything, and shipped code never imports them. */
const TESTS = ["contract/test", "edge/test", "backend/test", "local/test", "web/test", "sdk/javascript/test", "tests"];

const REPOSITORY: House = {
  folder: "",
  floors: [
    { rooms: ["contract"] },
    // Code at Cloudflare, on AWS and at a customer shares the contract and nothing else.
    { rooms: ["edge", "backend", "sdk"], areApart: true },
    { rooms: ["openapi", "local"], areApart: true },
    { rooms: ["web"] },
    { rooms: ["scripts", "docs", ...TESTS] },
  ],
};

/** Kits and mechanisms are below, features in between, and the composition of the features on top. */
const BACKEND: House = {
  folder: "backend/src",
  floors: [
    {
      rooms: [
        "config.ts",
        "bounded-cache.ts",
        "concurrently.ts",
        "clean-text.ts",
        "aws.ts",
        "audit",
        "outbound",
        "stream",
      ],
    },
    { rooms: ["database", "personal-data", "telemetry"] },
    { rooms: ["failed", "operation", "tiers", "vault"] },
    {
      rooms: ["ageing", "alerting", "process", "projects", "query", "reconcile", "redrive", "replay", "tracking-plan"],
    },
    { rooms: ["api", "cli", "lambdas"] },
  ],
};

/** Kits below, then whose request it is and what the ledger says, the shard, what tells of it, the two doors, the Worker. */
const EDGE: House = {
  folder: "edge/src",
  floors: [
    { rooms: ["clock.ts", "env.ts", "fault-text.ts", "log.ts", "pii", "rate-bucket.ts"] },
    { rooms: ["answer", "placement"] },
    { rooms: ["body", "consent", "outbound", "sink"] },
    { rooms: ["access", "ledger"] },
    { rooms: ["shard"] },
    { rooms: ["live", "note-refusal.ts"] },
    { rooms: ["collect"] },
    { rooms: ["gateway"] },
    { rooms: ["worker.ts"] },
  ],
};

export const HOUSES: readonly House[] = [REPOSITORY, EDGE, BACKEND];

/** Imports that climb, and imports between rooms of one floor where the floor or a way back forbids them. */
export function findClimbs(house: House, imports: readonly Import[]): Finding[] {
  const between = imports.flatMap((found) => {
    const from = roomOf(house, found.from);
    const to = roomOf(house, found.to);
    return from === null || to === null || from === to ? [] : [{ file: found.from, line: found.line, from, to }];
  });
  const height = (room: string) => house.floors.findIndex(({ rooms }) => rooms.includes(room));
  const groups = findGroups(between.filter(({ from, to }) => height(from) === height(to)));
  return between.flatMap(({ file, line, from, to }) => {
    const way = `${inHouse(house, from)} to ${inHouse(house, to)}`;
    if (height(from) < height(to)) return [{ path: file, line, message: `climbs from ${way}` }];
    if (height(from) > height(to)) return [];
    if (house.floors[height(from)]?.areApart) return [{ path: file, line, message: `crosses from ${way}` }];
    const group = groups.find((rooms) => rooms.includes(from) && rooms.includes(to));
    if (group === undefined) return [];
    const rooms = group.map((room) => inHouse(house, room)).join(", ");
    return [{ path: file, line, message: `goes from ${way}, and a chain of imports leads back: ${rooms}` }];
  });
}

/** Code that is on no floor, and rooms without code. */
export function findHomeless(house: House, paths: readonly string[]): Finding[] {
  const message = "is on no floor: add its folder to scripts/check/layers.ts";
  const inside = paths.filter((path) => CODE.test(path) && path.startsWith(prefixOf(house)));
  const homeless = inside.filter((path) => roomOf(house, path) === null);
  const lived = new Set(inside.map((path) => roomOf(house, path)));
  const empty = roomsOf(house).filter((room) => !lived.has(room));
  return [
    ...homeless.map((path) => ({ path, line: null, message })),
    ...empty.map((room) => ({
      path: inHouse(house, room),
      line: null,
      message: "is listed in scripts/check/layers.ts but holds no code",
    })),
  ];
}

/** The shortest circle of each group of files that reach each other. */
export function findCircles(imports: readonly Import[]): Finding[] {
  return findGroups(imports).map((group) => {
    const circle = shortestCircle(group, imports);
    const more = group.length - circle.length;
    const way = [...circle, circle[0]].join(" → ");
    const rest = more === 0 ? "" : ` (${more} more files import from and are imported by it)`;
    return { path: circle[0] ?? "", line: null, message: `a circle of files: ${way}${rest}` };
  });
}

function roomOf(house: House, path: string): string | null {
  const prefix = prefixOf(house);
  if (!path.startsWith(prefix)) return null;
  const inside = path.slice(prefix.length);
  const rooms = roomsOf(house).filter((room) => inside === room || inside.startsWith(`${room}/`));
  return rooms.sort((a, b) => b.length - a.length)[0] ?? null;
}

function roomsOf({ floors }: House): string[] {
  return floors.flatMap(({ rooms }) => rooms);
}

function prefixOf({ folder }: House): string {
  return folder === "" ? "" : `${folder}/`;
}

function inHouse(house: House, room: string): string {
  return prefixOf(house) + room;
}
