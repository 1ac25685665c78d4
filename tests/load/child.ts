// A part of a measurement in its own process (the load generator, the null Kinesis). Its CPU time then does not count as the
// server's, and it never waits for the other parts. One question and one answer, by IPC.

import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

interface Question<Q> {
  id: number;
  question: Q;
}
type Reply<A> = { id: number; answer: A } | { id: number; fault: string };

export class Child<Q, A> {
  readonly #process;
  #nextId = 1;
  readonly #waiting = new Map<number, { resolve: (answer: A) => void; reject: (fault: Error) => void }>();

  /** @param file a file in this folder. */
  constructor(file: string) {
    this.#process = fork(fileURLToPath(new URL(file, import.meta.url)), [], { serialization: "advanced" });
    this.#process.on("message", (reply: Reply<A>) => this.#settle(reply));
    this.#process.on("exit", (code, signal) => this.#end(new Error(`${file} ended (${signal ?? code})`)));
  }

  ask(question: Q): Promise<A> {
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      this.#waiting.set(id, { resolve, reject });
      this.#process.send({ id, question } satisfies Question<Q>);
    });
  }

  stop(): void {
    this.#process.removeAllListeners("exit");
    this.#process.kill("SIGKILL");
  }

  #settle(reply: Reply<A>): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (waiting === undefined) return;
    if ("fault" in reply) waiting.reject(new Error(reply.fault));
    else waiting.resolve(reply.answer);
  }

  #end(fault: Error): void {
    for (const { reject } of this.#waiting.values()) reject(fault);
    this.#waiting.clear();
  }
}

export type Answerer<Q, A> = (question: Q) => A | Promise<A>;

/** The child's side: answers the parent's questions and exits with the parent. */
export function answerParent(answer: Answerer<never, unknown>): void {
  process.on("disconnect", () => process.exit(0));
  process.on("message", async ({ id, question }: Question<never>) => {
    try {
      process.send?.({ id, answer: await answer(question) });
    } catch (fault) {
      process.send?.({ id, fault: String(fault) });
    }
  });
}
