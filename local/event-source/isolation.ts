// Finds the record that ends the function's process. Lambda outlives such a record because every invocation ends in an error
// of its own, which bisects; here the host goes with it, so what was under way is written down beside the checkpoints.
//
// A host that is started after one that ended by itself takes the records under way then one by one, each while nothing else
// runs, until it has passed them. If it dies again, that one record did it: it is given up and its neighbours go on.
// A process that somebody killed (`kill -9`, a power cut) says nothing about its records.

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";

const UnderWay = z.object({
  /** Sequence numbers of the first record in work and of the last that is suspected. */
  first: z.string(),
  last: z.string(),
  /** It was the only record in work in the whole process. */
  alone: z.boolean(),
});
type UnderWay = z.infer<typeof UnderWay>;

export class Isolation {
  readonly #folder: string;
  readonly #suspects = new Map<string, UnderWay>();
  /** Invocations side by side, or one alone: everybody in the order of asking. */
  #running = new Set<Promise<unknown>>();
  #queue: Promise<unknown> = Promise.resolve();

  /**
   * @param folder of this host alone: what another one has under way is none of its business
   * @param endedByItself whether the process before this one did, as far as its supervisor could see
   */
  constructor(folder: string, endedByItself: boolean) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
    if (!endedByItself) {
      this.forget();
      return;
    }
    for (const name of readdirSync(this.#folder)) {
      const underWay = readUnderWay(join(this.#folder, name));
      if (underWay !== undefined) this.#suspects.set(name, underWay);
    }
  }

  /** Whether the record must be invoked alone. */
  isSuspect(consumer: string, shardId: string, sequence: string): boolean {
    const name = nameOf(consumer, shardId);
    const suspected = this.#suspects.get(name);
    if (suspected === undefined) return false;
    if (BigInt(sequence) <= BigInt(suspected.last)) return true;
    this.#suspects.delete(name);
    return false;
  }

  /** Whether the process died over this record alone. True once: then it is given up. */
  isGuilty(consumer: string, shardId: string, sequence: string): boolean {
    const suspected = this.#suspects.get(nameOf(consumer, shardId));
    if (suspected === undefined || !suspected.alone || suspected.first !== sequence) return false;
    suspected.alone = false;
    return true;
  }

  /** Runs an invocation over these records; the suspect one while no other runs. */
  async run<T>(
    { consumer, shardId, first, last }: { consumer: string; shardId: string; first: string; last: string },
    invocation: () => Promise<T>,
  ): Promise<T> {
    const name = nameOf(consumer, shardId);
    const alone = this.#suspects.has(name);
    const work = async () => {
      const path = join(this.#folder, name);
      const suspectedLast = this.#suspects.get(name)?.last ?? last;
      // Not forced to the disk: the process may die, not the machine.
      writeFileSync(path, JSON.stringify({ first, last: suspectedLast, alone } satisfies UnderWay));
      try {
        return await invocation();
      } finally {
        rmSync(path, { force: true });
      }
    };
    const turn = this.#queue.then(async () => {
      if (alone) await Promise.allSettled(this.#running);
    });
    const started = turn.then(() => {
      const running = work();
      this.#running.add(running);
      const ended = () => this.#running.delete(running);
      running.then(ended, ended);
      return { running };
    });
    this.#queue = alone ? started.then(({ running }) => running).catch(() => undefined) : started;
    return (await started).running;
  }

  /** Nothing under way is to be suspected: the process ends for a reason of its surroundings. */
  forget(): void {
    for (const name of readdirSync(this.#folder)) rmSync(join(this.#folder, name), { force: true });
  }
}

function nameOf(consumer: string, shardId: string): string {
  return `${consumer}-${shardId}.json`;
}

/** A file that was cut short by the end of its process tells nothing. */
function readUnderWay(path: string): UnderWay | undefined {
  try {
    return UnderWay.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    return undefined;
  }
}
