// Where Durable Objects may lie. A location hint is a wish; a jurisdiction is kept by Cloudflare. It belongs to the deployment and not
// to a project, because the stream and the stores behind the edge lie in one jurisdiction as well. ADR 018.

import type { Env } from "../env.ts";

const NAMESPACES = ["SHARD", "LEDGER", "DIRECTORY", "LIMITER", "SALT", "SESSIONS", "LIVE"] as const;

export const JURISDICTIONS = ["eu"] as const;
export type Jurisdiction = (typeof JURISDICTIONS)[number];

/** @throws when the deployment names a jurisdiction that is unknown here: its objects must not lie anywhere else meanwhile. */
export function jurisdictionOf(env: Pick<Env, "JURISDICTION">): Jurisdiction | null {
  const name = env.JURISDICTION;
  if (name === undefined || name === "") return null;
  const known = JURISDICTIONS.find((jurisdiction) => jurisdiction === name);
  if (known === undefined) throw new Error(`JURISDICTION is none of ${JURISDICTIONS.join(", ")}`);
  return known;
}

/** By the environment as the runtime gives it: one an isolate. */
const placed = new WeakMap<Env, Env>();

/** The environment with each namespace of objects confined to the deployment's jurisdiction. The handlers and every object start with it. */
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
