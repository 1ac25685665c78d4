// Circles in a graph of names: the groups of names that reach each other, and the shortest circle in a group.

export interface Arrow {
  from: string;
  to: string;
}

/** Groups of at least two names in which each name reaches every other name. The list and each group are sorted by name. */
export function findGroups(arrows: readonly Arrow[]): string[][] {
  const reached = new Map<string, ReadonlySet<string>>();
  const next = neighbours(arrows);
  for (const name of next.keys()) reached.set(name, reachable(name, next));
  const groups = new Map<string, string[]>();
  for (const [name, others] of reached) {
    if (!others.has(name)) continue;
    const group = [...others].filter((other) => reached.get(other)?.has(name) === true).sort();
    if (group.length > 1) groups.set(group.join("\n"), group);
  }
  return [...groups.values()].sort((a, b) => (a.join() < b.join() ? -1 : 1));
}

/**
 * @param group a result of `findGroups`.
 * @returns the names on the circle. The first name is not repeated at the end.
 */
export function shortestCircle(group: readonly string[], arrows: readonly Arrow[]): string[] {
  const members = new Set(group);
  const next = neighbours(arrows.filter(({ from, to }) => members.has(from) && members.has(to)));
  const circles = group.flatMap((name) => {
    const circle = circleThrough(name, next);
    return circle === null ? [] : [circle];
  });
  return circles.sort((a, b) => a.length - b.length)[0] ?? [];
}

function neighbours(arrows: readonly Arrow[]): Map<string, Set<string>> {
  const next = new Map<string, Set<string>>();
  for (const { from, to } of arrows) {
    if (from !== to) next.set(from, (next.get(from) ?? new Set()).add(to));
  }
  return next;
}

/** All names that can be reached by at least one arrow. `start` itself is included only if a circle leads back to it. */
function reachable(start: string, next: ReadonlyMap<string, ReadonlySet<string>>): Set<string> {
  const found = new Set<string>();
  const open = [start];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    for (const to of next.get(name) ?? []) {
      if (found.has(to)) continue;
      found.add(to);
      open.push(to);
    }
  }
  return found;
}

/** Breadth first, so the first way back is a shortest way. */
function circleThrough(start: string, next: ReadonlyMap<string, ReadonlySet<string>>): string[] | null {
  const ways: string[][] = [[start]];
  const seen = new Set<string>();
  for (let way = ways.shift(); way !== undefined; way = ways.shift()) {
    for (const to of next.get(way.at(-1) ?? start) ?? []) {
      if (to === start) return way;
      if (seen.has(to)) continue;
      seen.add(to);
      ways.push([...way, to]);
    }
  }
  return null;
}
