// Stores the control plane's tracking plans in Postgres. A version is written once, and the newest version is in force. The
// processor reads a copy of it (published.ts). If a push could not write the copy, pushing again repairs it.

import { isDeepStrictEqual } from "node:util";
import { PlanEvent, type TrackingPlan } from "@behaviour/contract";
import { and, asc, desc, eq } from "drizzle-orm";
import type { Database } from "../database/client.ts";
import type { PublishedPlans } from "./published.ts";
import { trackingPlan, trackingPlanEvent } from "./schema.ts";

export interface PlanVersion {
  version: number;
  plan: TrackingPlan;
  createdAt: string;
  /** Id of the key that pushed it, or `cli`. */
  createdBy: string;
}

export type PushResult =
  | { ok: true; version: number; created: boolean; propagated: boolean; before: TrackingPlan }
  /** Somebody else changed the plan after the version that this plan was made from. */
  | { ok: false; currentVersion: number };

/** Stands for the plan of a project without a plan: no event is checked. */
export const NO_PLAN: TrackingPlan = { mode: "off", unknownEvents: "allow", events: [] };

export class PlanVersions {
  readonly #database: Database;
  readonly #published: Pick<PublishedPlans, "publish">;

  constructor(database: Database, published: Pick<PublishedPlans, "publish">) {
    this.#database = database;
    this.#published = published;
  }

  /** @param version the newest if absent. @returns null if there is no such version. @throws an infrastructure fault. */
  async find(project: string, version?: number): Promise<PlanVersion | null> {
    const [head] = await this.#database
      .select()
      .from(trackingPlan)
      .where(
        and(eq(trackingPlan.project, project), version === undefined ? undefined : eq(trackingPlan.version, version)),
      )
      .orderBy(desc(trackingPlan.version))
      .limit(1);
    if (head === undefined) return null;
    const rows = await this.#database
      .select()
      .from(trackingPlanEvent)
      .where(and(eq(trackingPlanEvent.project, project), eq(trackingPlanEvent.planVersion, head.version)))
      .orderBy(asc(trackingPlanEvent.place));
    const { mode, unknownEvents, createdAt, createdBy } = head;
    return {
      version: head.version,
      plan: { mode, unknownEvents, events: rows.map(toEvent) },
      createdAt: createdAt.toISOString(),
      createdBy,
    };
  }

  /**
   * Makes a checked plan the project's plan. A plan equal to the current plan makes no new version but is published again.
   * @param baseVersion the version that the plan was made from, 0 for none. If absent, any current version is replaced
   * @throws an infrastructure fault; pushing again is safe.
   */
  async push(project: string, plan: TrackingPlan, actor: string, baseVersion?: number): Promise<PushResult> {
    const current = await this.find(project);
    const currentVersion = current?.version ?? 0;
    const before = current?.plan ?? NO_PLAN;
    if (current !== null && isDeepStrictEqual(before, plan)) {
      const propagated = await this.#publish(project, currentVersion, plan);
      return { ok: true, version: currentVersion, created: false, propagated, before };
    }
    if (baseVersion !== undefined && baseVersion !== currentVersion) return { ok: false, currentVersion };
    const version = currentVersion + 1;
    if (!(await this.#insert(project, version, plan, actor))) return { ok: false, currentVersion: version };
    return { ok: true, version, created: true, propagated: await this.#publish(project, version, plan), before };
  }

  /** @returns false if somebody else has created a version with that number. */
  async #insert(project: string, version: number, plan: TrackingPlan, actor: string): Promise<boolean> {
    const { mode, unknownEvents, events } = plan;
    return this.#database.transaction(async (transaction) => {
      const made = await transaction
        .insert(trackingPlan)
        .values({ project, version, mode, unknownEvents, createdBy: actor })
        .onConflictDoNothing()
        .returning({ version: trackingPlan.version });
      if (made.length === 0) return false;
      if (events.length === 0) return true;
      await transaction.insert(trackingPlanEvent).values(
        events.map(({ type, event, version: eventVersion, description, schema }, place) => ({
          project,
          planVersion: version,
          place,
          type,
          event: event ?? null,
          eventVersion,
          description: description ?? null,
          schema,
        })),
      );
      return true;
    });
  }

  async #publish(project: string, version: number, plan: TrackingPlan): Promise<boolean> {
    try {
      await this.#published.publish(project, { version, plan });
      return true;
    } catch {
      // The version is stored. The answer says that the processor does not have it yet.
      return false;
    }
  }
}

function toEvent({ type, event, eventVersion, description, schema }: typeof trackingPlanEvent.$inferSelect): PlanEvent {
  return PlanEvent.parse({
    type,
    version: eventVersion,
    schema,
    ...(event === null ? {} : { event }),
    ...(description === null ? {} : { description }),
  });
}
