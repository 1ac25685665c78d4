// A pipeline that is already running (`npm start`), found by PORT and DATA_DIR, like the start itself.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { FolderInUse, lockFolder } from "../../scripts/start/lock.ts";

const READ_DEADLINE_MS = 15_000;

export class RunningPipeline {
  readonly port: number;
  readonly publicKey: string;
  readonly #dataDir: string;
  readonly #secretKey: string;

  /** @throws when there are no keys, because the pipeline was never started on this folder. */
  constructor(environment: NodeJS.ProcessEnv) {
    this.port = Number(environment.PORT ?? 8787);
    this.#dataDir = environment.DATA_DIR ?? ".data";
    const file = join(this.#dataDir, "dev-keys.json");
    let keys: { publicKey: string; secretKey: string };
    try {
      keys = JSON.parse(readFileSync(file, "utf8")) as typeof keys;
    } catch {
      throw new Error(`${file} cannot be read: run \`npm start\` first, with the same PORT and DATA_DIR`);
    }
    this.publicKey = keys.publicKey;
    this.#secretKey = keys.secretKey;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /**
   * The answer to a reading call. The caller reads its body.
   * @throws on any status but 200.
   */
  async fetch(path: string): Promise<Response> {
    const answer = await fetch(`${this.origin}${path}`, {
      headers: { Authorization: `Bearer ${this.#secretKey}` },
      signal: AbortSignal.timeout(READ_DEADLINE_MS),
    });
    if (answer.status === 200) return answer;
    throw new Error(`GET ${path} answered ${answer.status}: ${(await answer.text()).slice(0, 300)}`);
  }

  /** The `data` of a reading call's answer. */
  async read<T>(path: string): Promise<T> {
    const { data } = (await (await this.fetch(path)).json()) as { data: T };
    return data;
  }

  /** @throws when the answer is not a 200 that accepted the event. */
  async send(event: Record<string, unknown>): Promise<void> {
    const answer = await fetch(`${this.origin}/v1/batch`, {
      method: "POST",
      headers: { Authorization: `Bearer ${this.publicKey}`, "Content-Type": "application/json" },
      body: JSON.stringify({ batch: [event], sentAt: new Date().toISOString() }),
      signal: AbortSignal.timeout(READ_DEADLINE_MS),
    });
    const body = await answer.text();
    if (answer.status !== 200 || !body.includes('"accepted":1')) throw new Error(`${answer.status}: ${body}`);
  }

  /**
   * The pipeline's topmost process, as the lock of the data folder names it.
   * @throws when the pipeline does not run.
   */
  async supervisorPid(): Promise<number> {
    try {
      (await lockFolder(this.#dataDir, "looking for the pipeline")).release();
    } catch (fault) {
      if (!(fault instanceof FolderInUse)) throw fault;
      const pid = /process (\d+)/.exec(fault.holder)?.[1];
      if (pid !== undefined) return Number(pid);
    }
    throw new Error(`no pipeline runs on ${this.#dataDir}`);
  }
}
