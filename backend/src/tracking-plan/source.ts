// The processor's way to the plans: a judge per project, kept for some seconds.
//
// A plan in memory is never given up because its store does not answer: events go on by the one that is known, and the fault
// is counted. With nothing in memory the fault is thrown and the records come again: that delays, like every fault of the
// infrastructure, and neither lets an event past its plan nor turns it away.

import { TUNINGS } from "@behaviour/contract";
import { BoundedCache } from "../bounded-cache.ts";
import { PlanJudge } from "./judge.ts";
import type { PublishedPlans } from "./published.ts";

/** Projects whose judges are kept. */
const KEPT_PROJECTS = 500;
/** A plan that is older than so many times of its keeping is asked for before it is used: nothing came for a while. */
const STALE_TIMES = 2;

interface Kept {
  /** Null for a project without a plan. */
  judge: PlanJudge | null;
  readAtMs: number;
  /** Not before then is it asked for again. */
  nextReadAtMs: number;
  /** Under way, for whoever has to wait for it. */
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

  /** How often the store did not answer since this was last asked, and an older plan was used instead. */
  takeFaults(): number {
    const faults = this.#faults;
    this.#faults = 0;
    return faults;
  }

  /**
   * The judges of these projects that have one.
   * @param fresh those whose newest plan is waited for: whoever replays has just mended it
   * @throws an infrastructure fault when one's plan has never been read.
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
    // In the background, mostly: no event waits for a plan that is a few seconds old.
    return isFresh || nowMs - kept.readAtMs >= STALE_TIMES * this.#cacheMs ? kept.refresh : kept.judge;
  }

  /** Never throws: what is known stays. */
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
    const found = await this.#published.read(project);
    // The same version keeps its judge, with what that has compiled.
    const isKnown = found !== null && before?.version === found.version;
    const judge = isKnown ? (before ?? null) : found === null ? null : new PlanJudge(found.plan, found.version);
    const readAtMs = this.#nowMs();
    this.#kept.set(project, { judge, readAtMs, nextReadAtMs: readAtMs + this.#cacheMs, refresh: null });
    return judge;
  }
}
