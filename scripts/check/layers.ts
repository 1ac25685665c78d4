// Folders import one way: each stands on a floor, and imports from its own floor and the floors below. Within a floor no way
// of imports leads back to the folder where it began, and no circle of files is anywhere. Type imports count: a circle of types
// never fails at run time, and still nobody can read one of its files without all the others. Pure; the files' texts come from
// repository.ts.

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
  /** Folders and files below the house's own folder. Of two that fit a path the longer is its room. */
  rooms: readonly string[];
  /** These rooms do not import from each other at all. */
  areApart?: true;
}

/** Tests stand on top, wherever they lie: they may look at everything, and nothing that ships looks at them. */
const TESTS = ["contract/test", "edge/test", "backend/test", "local/test", "web/test", "sdk/javascript/test", "tests"];

const REPOSITORY: House = {
  folder: "",
  floors: [
    { rooms: ["contract"] },
    // What runs at Cloudflare, on AWS and at a customer meets in the contract only.
    { rooms: ["edge", "backend", "sdk"], areApart: true },
    { rooms: ["openapi", "local"], areApart: true },
    { rooms: ["web"] },
    { rooms: ["scripts", "docs", ...TESTS] },
  ],
};

/** Kits and mechanism below, features between, what puts features together on top. */
const BACKEND: House = {
  folder: "backend/src",
  floors: [
    { rooms: ["config.ts", "bounded-cache.ts", "clean-text.ts", "aws.ts", "audit", "outbound", "stream"] },
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
    return [{ path: file, line, message: `goes from ${way}, and a way leads back: ${rooms}` }];
  });
}

/** Code on no floor, and rooms of which nothing is there. */
export function findHomeless(house: House, paths: readonly string[]): Finding[] {
  const message = "stands on no floor: give it a place in scripts/check/layers.ts";
  const inside = paths.filter((path) => CODE.test(path) && path.startsWith(prefixOf(house)));
  const homeless = inside.filter((path) => roomOf(house, path) === null);
  const lived = new Set(inside.map((path) => roomOf(house, path)));
  const empty = roomsOf(house).filter((room) => !lived.has(room));
  return [
    ...homeless.map((path) => ({ path, line: null, message })),
    ...empty.map((room) => ({
      path: inHouse(house, room),
      line: null,
      message: "is in scripts/check/layers.ts, and holds no code",
    })),
  ];
}

/** Of each group of files that reach each other, the shortest way round. */
export function findCircles(imports: readonly Import[]): Finding[] {
  return findGroups(imports).map((group) => {
    const circle = shortestCircle(group, imports);
    const more = group.length - circle.length;
    const way = [...circle, circle[0]].join(" → ");
    const rest = more === 0 ? "" : ` (${more} more are bound to it in both directions)`;
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
