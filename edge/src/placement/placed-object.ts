// The base class of every Durable Object of the edge: an object reaches others only within the deployment's jurisdiction.

import { DurableObject } from "cloudflare:workers";
import type { Env } from "../env.ts";
import { inJurisdiction } from "./jurisdiction.ts";

export abstract class PlacedObject extends DurableObject<Env> {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, inJurisdiction(env));
  }
}
