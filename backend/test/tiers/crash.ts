// Simulates a process that crashes at its n-th call to a store. The call either did not happen, or happened and its answer was
// lost.

import type { Sql } from "../../src/database/client.ts";

export type CrashSide = "before" | "after";

export class Crash extends Error {}

/** Decides the outcome of each call to a store. */
export interface CallPlan {
  around<T>(work: () => PromiseLike<T>): Promise<T>;
}

/** A store that refuses a share of the calls, and loses the answer after the work for another share. */
export class FlakyPlan implements CallPlan {
  refused = 0;
  lost = 0;
  hit = 0;
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  async around<T>(work: () => PromiseLike<T>): Promise<T> {
    const fate = this.#random();
    if (fate < this.refused + this.lost) this.hit++;
    if (fate < this.refused) throw new Error("refused");
    const answer = await work();
    if (fate < this.refused + this.lost) throw new Error("the answer was lost");
    return answer;
  }
}

export class CrashPlan implements CallPlan {
  readonly #call: number;
  readonly #side: CrashSide;
  #calls = 0;
  /** True after the crash. Every later call fails too. */
  crashed = false;

  /** @param call 1 is the first */
  constructor(call: number, side: CrashSide) {
    this.#call = call;
    this.#side = side;
  }

  /** The same plan for another process. */
  again(): CrashPlan {
    return new CrashPlan(this.#call, this.#side);
  }

  async around<T>(work: () => PromiseLike<T>): Promise<T> {
    if (this.crashed) throw new Crash("dead");
    this.#calls++;
    if (this.#calls !== this.#call) return work();
    if (this.#side === "before") {
      this.crashed = true;
      throw new Crash("before the call");
    }
    await work();
    this.crashed = true;
    throw new Crash("after the call");
  }
}

/** An AWS client whose calls follow the plan. */
export function crashingClient<C extends { send: (...args: never[]) => Promise<unknown> }>(
  client: C,
  plan: CallPlan,
): C {
  return new Proxy(client, {
    get(target, name) {
      if (name === "send") return (...args: never[]) => plan.around(() => target.send(...args));
      return Reflect.get(target, name, target) as unknown;
    },
  });
}

/** A database client whose statements, and whose commits, follow the plan. */
export function crashingSql(sql: Sql, plan: CallPlan): Sql {
  return wrapped(sql, plan) as Sql;
}

function wrapped(sql: object, plan: CallPlan): object {
  return new Proxy(sql, {
    apply: (target, _self, args) => plan.around<unknown>(() => Reflect.apply(target as never, undefined, args)),
    get(target, name) {
      const own = Reflect.get(target, name, target) as unknown;
      if (name === "unsafe") {
        return (...args: unknown[]) =>
          plan.around(() => (own as (...a: unknown[]) => PromiseLike<unknown>).apply(target, args));
      }
      if (name === "begin") {
        return (work: (tx: object) => Promise<unknown>) =>
          plan.around(() =>
            (own as (w: object) => Promise<unknown>).call(target, (tx: object) => work(wrapped(tx, plan))),
          );
      }
      return own;
    },
  });
}
