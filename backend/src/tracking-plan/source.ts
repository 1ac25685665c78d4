// Gives the processor each project's plan as a judge, and caches the judge for some seconds.
//
// A cached plan stays in use when its store does not answer. Events are checked against the known plan, and the fault is
// counted. Without a cached plan the fault is thrown and the records are retried. This delays events, like every infrastructure
// fault, but no event passes without its plan's check, and no event is rejected.
//
// A plan that this release cannot read is another case: no retry helps, and a wait would stop every project of the shard. The
// project's events then pass without a check, and the fault is counted.

import { TUNINGS } from "@behaviour/contract";
import { BoundedCache } from "../bounded-cache.ts";
import { PlanJudge } from "./judge.ts";
import { type PublishedPlan, type PublishedPlans, UnreadablePlan } from "./published.ts";

/** Number of projects whose judges are cached. */
const KEPT_PROJECTS = 500;
/** A plan older than this many cache periods is read again before it is used. No event of its project came for a while. */
const STALE_TIMES = 2;

interface Kept {
  /** Null for a project without a plan. */
  judge: PlanJudge | null;
  readAtMs: number;
  /** The plan is not read again before this time. */
  nextReadAtMs: number;
  /** The read in progress, for callers that must wait for it. */
  refresh: Promise<PlanJudge | null> | null;
}

export interface PlanSourceOptions {
  published: Pick<PublishedPlans, "read">;
  nowMs?: () => number;
  cacheMs?: number;
}

export class PlanSource {
  readonly #published: Pick<PublishedPlans, "read">;
  readonly #nowMs: () => number;
  readonly #cacheMs: number;
  readonly #kept = new BoundedCache<Kept>(KEPT_PROJECTS);
  #faults = 0;

  constructor({ published, nowMs = Date.now, cacheMs = TUNINGS.planCacheMs }: PlanSourceOptions) {
    this.#published = published;
    this.#nowMs = nowMs;
    this.#cacheMs = cacheMs;
  }

  /** How often since the last call a plan could not be read, so that an older plan or no plan was used. */
  takeFaults(): number {
    const faults = this.#faults;
    this.#faults = 0;
    return faults;
  }

  /**
   * The judges of these projects that have one.
   * @param fresh the projects whose newest plan must be read first: before a replay the plan has often just been fixed
   * @throws an infrastructure fault if a project's plan has never been read.
   */
  async judges(projects: ReadonlySet<string>, fresh: ReadonlySet<string>): Promise<Map<string, PlanJudge>> {
    const judges = new Map<string, PlanJudge>();
    await Promise.all(
      [...projects].map(async (project) => {
        const judge = await this.#judgeOf(project, fresh.has(project));
        if (judge !== null) judges.set(project, judge);
      }),
    );
    return judges;
  }

  async #judgeOf(project: string, isFresh: boolean): Promise<PlanJudge | null> {
    const kept = this.#kept.get(project);
    if (kept === undefined) return this.#read(project, undefined);
    const nowMs = this.#nowMs();
    if (nowMs < kept.nextReadAtMs && !isFresh) return kept.judge;
    kept.refresh ??= this.#refresh(project, kept);
    // The read usually runs in the background: no event waits because its plan is a few seconds old.
    return isFresh || nowMs - kept.readAtMs >= STALE_TIMES * this.#cacheMs ? kept.refresh : kept.judge;
  }

  /** Never throws. If the read fails, the known plan stays. */
  async #refresh(project: string, kept: Kept): Promise<PlanJudge | null> {
    try {
      return await this.#read(project, kept.judge);
    } catch {
      this.#faults++;
      kept.nextReadAtMs = this.#nowMs() + this.#cacheMs;
      return kept.judge;
    } finally {
      kept.refresh = null;
    }
  }

  async #read(project: string, before: PlanJudge | null | undefined): Promise<PlanJudge | null> {
    const found = await this.#readPublished(project, before);
    // The same version keeps its judge and the schemas that the judge has compiled.
    const isKnown = found !== null && before?.version === found.version;
    const judge = isKnown ? (before ?? null) : found === null ? null : new PlanJudge(found.plan, found.version);
    const readAtMs = this.#nowMs();
    this.#kept.set(project, { judge, readAtMs, nextReadAtMs: readAtMs + this.#cacheMs, refresh: null });
    return judge;
  }

  async #readPublished(project: string, before: PlanJudge | null | undefined): Promise<PublishedPlan | null> {
    try {
      return await this.#published.read(project);
    } catch (fault) {
      // With a judge from before, `#refresh` keeps the judge.
      if (!(fault instanceof UnreadablePlan) || before !== undefined) throw fault;
      this.#faults++;
      return null;
    }
  }
}
