// Restricts the location of Durable Objects. A location hint is only a wish, but Cloudflare enforces a jurisdiction. The
// jurisdiction belongs to the deployment and not to a project, because the stream and the stores behind the edge are in one
// jurisdiction as well. ADR 018.

import type { Env } from "../env.ts";

const NAMESPACES = ["SHARD", "LEDGER", "DIRECTORY", "LIMITER", "SALT", "SESSIONS", "LIVE"] as const;

export const JURISDICTIONS = ["eu"] as const;
export type Jurisdiction = (typeof JURISDICTIONS)[number];

/** @throws if the deployment names an unknown jurisdiction. Its objects must not be placed anywhere else meanwhile. */
export function jurisdictionOf(env: Pick<Env, "JURISDICTION">): Jurisdiction | null {
  const name = env.JURISDICTION;
  if (name === undefined || name === "") return null;
  const known = JURISDICTIONS.find((jurisdiction) => jurisdiction === name);
  if (known === undefined) throw new Error(`JURISDICTION is none of ${JURISDICTIONS.join(", ")}`);
  return known;
}

/** By the runtime's environment, of which there is one per isolate. */
const placed = new WeakMap<Env, Env>();

/** The environment with every object namespace confined to the deployment's jurisdiction. Handlers and objects start with it. */
export function inJurisdiction(env: Env): Env {
  if ((env.JURISDICTION ?? "") === "") return env;
  let confined = placed.get(env);
  if (confined === undefined) {
    confined = confine(env);
    placed.set(env, confined);
  }
  return confined;
}

function confine(env: Env): Env {
  const jurisdiction = jurisdictionOf(env);
  if (jurisdiction === null) return env;
  const namespaces = NAMESPACES.map((name) => [name, env[name].jurisdiction(jurisdiction)]);
  return { ...env, ...Object.fromEntries(namespaces) };
}
