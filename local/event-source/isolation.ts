// Finds the record that crashes the function host. On AWS a crash fails one invocation, and the mapping bisects the batch. Here
// all functions of a host share one process, so the sequence numbers of the records in progress are written to disk beside the
// checkpoints.
//
// If a host crashes, the next host retries the records that were in progress one at a time, while no other invocation runs, until
// it is past them. If the host crashes again, the record that was in progress caused the crash. This record goes to the failure
// destination, and the records around it continue. A process that was killed from outside (`kill -9`, a power cut) gives no
// evidence about its records.

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";

const UnderWay = z.object({
  /** Sequence numbers of the first record in progress and of the last suspected record. */
  first: z.string(),
  last: z.string(),
  /** The record was the only record in progress in the whole process. */
  alone: z.boolean(),
});
type UnderWay = z.infer<typeof UnderWay>;

export class Isolation {
  readonly #folder: string;
  readonly #suspects = new Map<string, UnderWay>();
  /** Invocations in parallel, or one alone. They start in the order in which they asked. */
  #running = new Set<Promise<unknown>>();
  #queue: Promise<unknown> = Promise.resolve();

  /**
   * @param folder used by this host alone. The records of another host do not matter to it.
   * @param endedByItself whether the previous process crashed, as far as its supervisor could see
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

  /**
   * Whether the process crashed while this record ran alone. Returns true once. After that the record goes to the failure
   * destination.
   */
  isGuilty(consumer: string, shardId: string, sequence: string): boolean {
    const suspected = this.#suspects.get(nameOf(consumer, shardId));
    if (suspected === undefined || !suspected.alone || suspected.first !== sequence) return false;
    suspected.alone = false;
    return true;
  }

  /** Runs an invocation over these records. A suspected record runs while no other invocation runs. */
  async run<T>(
    { consumer, shardId, first, last }: { consumer: string; shardId: string; first: string; last: string },
    invocation: () => Promise<T>,
  ): Promise<T> {
    const name = nameOf(consumer, shardId);
    const alone = this.#suspects.has(name);
    const work = async () => {
      const path = join(this.#folder, name);
      const suspectedLast = this.#suspects.get(name)?.last ?? last;
      // Not flushed to disk, because the file must survive the end of the process and not the end of the machine.
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

  /** Clears the suspicion of every record in progress. Called when the process ends for a reason of its environment. */
  forget(): void {
    for (const name of readdirSync(this.#folder)) rmSync(join(this.#folder, name), { force: true });
  }
}

function nameOf(consumer: string, shardId: string): string {
  return `${consumer}-${shardId}.json`;
}

/** A file that was truncated when its process ended holds no information. */
function readUnderWay(path: string): UnderWay | undefined {
  try {
    return UnderWay.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    return undefined;
  }
}
