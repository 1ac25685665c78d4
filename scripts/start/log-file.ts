// A child's output on disk, in two files of bounded size. Its last lines stay in memory for the message about a crash.

import { appendFileSync, renameSync, statSync } from "node:fs";

const FILE_MAX_BYTES = 8 * 1024 * 1024;
const LINES_KEPT = 30;

export class LogFile {
  readonly path: string;
  #bytes: number;
  #lastLines: string[] = [];
  #partial = "";

  constructor(path: string) {
    this.path = path;
    this.#bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  }

  write(chunk: Buffer): void {
    const text = chunk.toString("utf8");
    const lines = (this.#partial + text).split("\n");
    this.#partial = (lines.pop() ?? "").slice(-4_096);
    this.#lastLines = [...this.#lastLines, ...lines].slice(-LINES_KEPT);
    try {
      if (this.#bytes > FILE_MAX_BYTES) {
        renameSync(this.path, `${this.path}.old`);
        this.#bytes = 0;
      }
      appendFileSync(this.path, chunk);
      this.#bytes += chunk.length;
    } catch {
      // A full disk must not end a process that can still drain. The last lines are in memory.
    }
  }

  get lastLines(): string[] {
    return this.#partial === "" ? this.#lastLines : [...this.#lastLines, this.#partial];
  }
}
