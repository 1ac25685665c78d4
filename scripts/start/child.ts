// One supervised child in its own process group: started, checked, restarted when it crashes or hangs, stopped.

import { type ChildProcess, spawn } from "node:child_process";
import type { ChildMessage } from "../../local/supervised.ts";
import { LogFile } from "./log-file.ts";

const PING_INTERVAL_MS = 3_000;
const FIRST_RESTART_MS = 250;
const RESTART_MAX_MS = 4_000;
/** This many crashes within the window mean that a restart does not help. */
const DEATHS_MAX = 5;
const DEATHS_WINDOW_MS = 60_000;
const START_DEADLINE_MS = 60_000;

export interface ChildOptions {
  name: string;
  script: string;
  args?: readonly string[];
  nodeFlags?: readonly string[];
  environment: Record<string, string>;
  logPath: string;
  cwd: string;
  guard: string;
  /** A child without a sign of life for this long counts as dead. */
  hangMs: number;
  /** Used instead of the channel. Resolves when the child serves. Rejects or hangs when it does not serve. */
  probe?: (signal: AbortSignal) => Promise<void>;
  /** The child ended and will be restarted in `delayMs`. */
  onDeath(reason: string, delayMs: number): void;
  /** The child keeps crashing and is not restarted again. */
  onGivenUp(reason: string): void;
}

export class Child {
  readonly name: string;
  readonly log: LogFile;
  readonly #options: ChildOptions;
  #process: ChildProcess | undefined;
  #deathsMs: number[] = [];
  #stopping = false;
  #lastSignMs = 0;
  #watch: NodeJS.Timeout | undefined;
  #restart: NodeJS.Timeout | undefined;
  #reason = "";
  /**
   * How the previous process ended. The next process gets this fact, because it may have to find the record that caused the
   * crash.
   */
  #endedByItself = false;

  constructor(options: ChildOptions) {
    this.#options = options;
    this.name = options.name;
    this.log = new LogFile(options.logPath);
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Resolves with the values that the child reports when it serves, however often it had to be started. */
  start(): Promise<Record<string, string>> {
    return new Promise((resolve) => this.#spawn(resolve));
  }

  /** Asks the child to end. Kills its process group after `deadlineMs`. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restart);
    const child = this.#process;
    if (child === undefined) return;
    const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill("SIGTERM");
    const forced = setTimeout(() => this.#killGroup(child), deadlineMs);
    await exited;
    clearTimeout(forced);
  }

  kill(): void {
    this.#stopping = true;
    clearTimeout(this.#restart);
    if (this.#process !== undefined) this.#killGroup(this.#process);
  }

  #spawn(onReady: (result: Record<string, string>) => void): void {
    const { script, args = [], nodeFlags = [], environment: env, cwd, guard } = this.#options;
    const child = spawn(process.execPath, [...nodeFlags, "--import", guard, script, ...args], {
      cwd,
      env: this.#endedByItself ? { ...env, ENDED_BY_ITSELF: "1" } : env,
      // A separate process group, so that the terminal's Ctrl-C reaches only the supervisor and grandchildren can be killed
      // together with the child.
      detached: true,
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    this.#process = child;
    this.#reason = "";
    this.#lastSignMs = Date.now();
    child.stdout?.on("data", (chunk: Buffer) => this.log.write(chunk));
    child.stderr?.on("data", (chunk: Buffer) => this.log.write(chunk));
    const slow = setTimeout(
      () => this.#end(child, `was not ready after ${START_DEADLINE_MS / 1_000} s`),
      START_DEADLINE_MS,
    );
    const ready = (result: Record<string, string>) => {
      clearTimeout(slow);
      this.#watchOver(child);
      onReady(result);
    };
    child.on("message", (message: ChildMessage) => {
      this.#lastSignMs = Date.now();
      if (message.kind === "ready" && this.#options.probe === undefined) ready(message.result);
    });
    if (this.#options.probe !== undefined) this.#probeUntilReady(child, () => ready({}));
    child.on("error", (fault) => this.log.write(Buffer.from(`${fault.message}\n`)));
    child.once("exit", (code, signal) => {
      clearTimeout(slow);
      clearInterval(this.#watch);
      // workerd outlives a Miniflare that was killed.
      this.#killGroup(child);
      if (this.#process !== child) return;
      this.#process = undefined;
      // SIGKILL from outside (a person, the kernel without memory) gives no evidence. A SIGKILL from the supervisor ends a child
      // without a sign of life.
      this.#endedByItself = signal !== "SIGKILL" || this.#reason !== "";
      const how = this.#reason || (signal === null ? `exited with ${code}` : `was ended by ${signal}`);
      if (!this.#stopping) this.#died(how, onReady);
    });
  }

  #died(reason: string, onReady: (result: Record<string, string>) => void): void {
    const nowMs = Date.now();
    this.#deathsMs = [...this.#deathsMs.filter((atMs) => atMs > nowMs - DEATHS_WINDOW_MS), nowMs];
    if (this.#deathsMs.length >= DEATHS_MAX) {
      this.#stopping = true;
      this.#options.onGivenUp(`${reason}, ${DEATHS_MAX} times within ${DEATHS_WINDOW_MS / 1_000} s`);
      return;
    }
    const delayMs = Math.min(RESTART_MAX_MS, FIRST_RESTART_MS * 2 ** (this.#deathsMs.length - 1));
    this.#options.onDeath(reason, delayMs);
    this.#restart = setTimeout(() => this.#spawn(onReady), delayMs);
  }

  #probeUntilReady(child: ChildProcess, ready: () => void): void {
    const attempt = async () => {
      while (this.#process === child && !this.#stopping) {
        try {
          await this.#options.probe?.(AbortSignal.timeout(2_000));
          if (this.#process === child) ready();
          return;
        } catch {
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      }
    };
    attempt().catch(() => undefined); // No statement in it throws.
  }

  #watchOver(child: ChildProcess): void {
    this.#lastSignMs = Date.now();
    let lastLookMs = Date.now();
    this.#watch = setInterval(() => {
      // The supervisor itself was suspended (a closed lid, SIGSTOP), so it could not receive a sign of life.
      if (Date.now() - lastLookMs > 2 * PING_INTERVAL_MS) this.#lastSignMs = Date.now();
      lastLookMs = Date.now();
      if (Date.now() - this.#lastSignMs > this.#options.hangMs) {
        this.#end(child, `gave no sign of life for ${this.#options.hangMs / 1_000} s`);
      } else if (this.#options.probe !== undefined) {
        this.#options
          .probe(AbortSignal.timeout(PING_INTERVAL_MS))
          .then(() => {
            this.#lastSignMs = Date.now();
          })
          .catch(() => undefined); // No sign of life. The time continues to count.
      } else if (child.connected) {
        child.send({ kind: "ping" }, () => undefined);
      }
    }, PING_INTERVAL_MS);
  }

  #end(child: ChildProcess, reason: string): void {
    if (this.#process !== child) return;
    this.#reason = reason;
    this.#killGroup(child);
  }

  #killGroup(child: ChildProcess): void {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // The process group is empty.
    }
  }
}
