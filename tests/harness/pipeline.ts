// The whole pipeline as a person starts it: scripts/start.ts, with its own port and data folder.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { killAll, processTree, type RunningProcess } from "./processes.ts";

const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));
const READY_WITHIN_MS = 120_000;
const STOPPED_WITHIN_MS = 30_000;

export interface Endpoints {
  kinesis: string;
  dynamodb: string;
  s3: string;
  database: string;
}

export interface PipelineOptions {
  /** Kept over restarts. When absent, a temporary folder that `remove` deletes. */
  dataDir?: string;
  port?: number;
  environment?: Record<string, string>;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

export function temporaryFolder(name: string): string {
  return mkdtempSync(join(tmpdir(), `behaviour-${name}-`));
}

export class Pipeline {
  readonly dataDir: string;
  readonly port: number;
  readonly #environment: Record<string, string>;
  #child: ChildProcess | null = null;
  #output = "";

  private constructor(options: Required<PipelineOptions>) {
    this.dataDir = options.dataDir;
    this.port = options.port;
    this.#environment = options.environment;
  }

  /**
   * Resolves when the pipeline has printed `ready`.
   * @throws with its output when it exits or takes too long.
   */
  static async start(options: PipelineOptions = {}): Promise<Pipeline> {
    const pipeline = new Pipeline({
      dataDir: options.dataDir ?? temporaryFolder("pipeline"),
      port: options.port ?? (await freePort()),
      environment: options.environment ?? {},
    });
    await pipeline.restart();
    return pipeline;
  }

  get origin(): string {
    return `http://localhost:${this.port}`;
  }

  get output(): string {
    return this.#output;
  }

  get endpoints(): Endpoints {
    return JSON.parse(readFileSync(join(this.dataDir, "endpoints.json"), "utf8")) as Endpoints;
  }

  get keys(): { publicKey: string; secretKey: string; project: string } {
    return JSON.parse(readFileSync(join(this.dataDir, "dev-keys.json"), "utf8")) as {
      publicKey: string;
      secretKey: string;
      project: string;
    };
  }

  get processes(): RunningProcess[] {
    return this.#child?.pid === undefined ? [] : processTree(this.#child.pid);
  }

  /** Starts the pipeline again on the same data and port. */
  async restart(): Promise<void> {
    const child = spawnStart({ PORT: String(this.port), DATA_DIR: this.dataDir, ...this.#environment });
    this.#child = child;
    const collect = (chunk: Buffer) => {
      this.#output = (this.#output + chunk.toString()).slice(-200_000);
    };
    this.#output = "";
    child.stdout?.on("data", collect);
    child.stderr?.on("data", collect);
    const deadline = Date.now() + READY_WITHIN_MS;
    while (!/^ready /m.test(this.#output)) {
      if (child.exitCode !== null || child.signalCode !== null) {
        throw new Error(`the pipeline ended before it was ready:\n${this.#output}`);
      }
      if (Date.now() > deadline) throw new Error(`the pipeline is not ready after two minutes:\n${this.#output}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /**
   * Stops it like Ctrl-C.
   * @returns the exit code.
   */
  async stop(): Promise<number | null> {
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const ended = once(child, "exit");
    child.kill("SIGINT");
    const timer = setTimeout(() => killAll(this.processes), STOPPED_WITHIN_MS);
    await ended;
    clearTimeout(timer);
    return child.exitCode;
  }

  /** Kills every process at the same time, without warning. */
  async powerCut(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    const ended = child.exitCode === null && child.signalCode === null ? once(child, "exit") : null;
    killAll(this.processes);
    await ended;
  }

  /**
   * `kill -9` for every process whose command line matches.
   * @returns the number of killed processes.
   */
  kill(command: RegExp): number {
    const victims = this.processes.filter((entry) => command.test(entry.command));
    killAll(victims);
    return victims.length;
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.dataDir, { recursive: true, force: true, maxRetries: 5 });
  }

  /** A request with the secret key. */
  async read(path: string, init: RequestInit = {}): Promise<{ status: number; body: unknown }> {
    const answer = await fetch(`${this.origin}${path}`, {
      ...init,
      headers: { Authorization: `Bearer ${this.keys.secretKey}`, ...init.headers },
      signal: AbortSignal.timeout(15_000),
    });
    return { status: answer.status, body: await answer.json() };
  }
}

/**
 * `npm start` without npm: the same program under the same Node. It has its own process group, so that no process is left behind.
 */
export function spawnStart(environment: Record<string, string>): ChildProcess {
  const inherited = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(?:VITEST|NODE_OPTIONS|AWS_|KINESIS_|DYNAMODB_|S3_|DATABASE_)/.test(name),
    ),
  );
  return spawn(process.execPath, ["scripts/start.ts"], {
    cwd: REPOSITORY,
    env: { ...inherited, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
}
