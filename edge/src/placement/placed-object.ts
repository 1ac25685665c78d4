// What every Durable Object of the edge is: an object that reaches others within the deployment's jurisdiction only.

import { DurableObject } from "cloudflare:workers";
import type { Env } from "../env.ts";
import { inJurisdiction } from "./jurisdiction.ts";

export abstract class PlacedObject extends DurableObject<Env> {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, inJurisdiction(env));
  }
}
