// The processes of the pipeline on one machine, the order in which they start, and the settings that each gets.

import { type ChildProcess, spawn } from "node:child_process";
import { get } from "node:http";
import { join } from "node:path";
import { readJsonFile, writeDurably } from "../../local/durable.ts";
import { buildPages } from "../build-pages.ts";
import { Child, type ChildOptions } from "./child.ts";
import { compileCacheFolder } from "./compile-cache.ts";
import { FOLDER_MARK } from "./leftovers.ts";
import { LogFile } from "./log-file.ts";
import { choosePorts } from "./ports.ts";
import { step, warn } from "./progress.ts";
import { type Secrets, type Settings, StartRefused } from "./settings.ts";

const AWS_PARTS = { kinesis: "KINESIS_ENDPOINT", dynamodb: "DYNAMODB_ENDPOINT", s3: "S3_ENDPOINT" } as const;
type AwsPart = keyof typeof AWS_PARTS;

/** A child that is silent for this long hangs. The database cannot answer while a long statement runs. */
const HANG_MS = 15_000;
const DATABASE_HANG_MS = 90_000;
const PROVISION_ATTEMPTS = 3;

/** The functions that share a process: the functions on the path to the hot tier in one process, all others in another. */
const FUNCTION_HOSTS = {
  "functions-stream": ["process", "hot"],
  "functions-store": ["warm", "cold", "query", "maintain", "reconcile", "alert", "redrive"],
} as const;

export interface Events {
  onDeath(child: Child, reason: string, delayMs: number): void;
  onGivenUp(child: Child, reason: string): void;
}

export interface DevelopmentKeys {
  publicKey: string;
  secretKey: string;
}

export class Pipeline {
  readonly #settings: Settings;
  readonly #secrets: Secrets;
  readonly #root: string;
  readonly #events: Events;
  readonly #children = new Map<string, Child>();
  /** Processes that do one task and end. */
  readonly #running = new Set<ChildProcess>();
  #stopping = false;

  constructor(settings: Settings, secrets: Secrets, root: string, events: Events) {
    this.#settings = settings;
    this.#secrets = secrets;
    this.#root = root;
    this.#events = events;
  }

  get children(): readonly Child[] {
    return [...this.#children.values()];
  }

  /**
   * Resolves with the development keys when the edge accepts events.
   * @throws when a step fails.
   */
  async start(): Promise<DevelopmentKeys> {
    const { dataDir, environment } = this.#settings;
    const awsParts = (Object.keys(AWS_PARTS) as AwsPart[]).filter((part) => environment[AWS_PARTS[part]] === undefined);
    const ownDatabase = environment.DATABASE_URL === undefined;
    const ports = await choosePorts(join(dataDir, "ports.json"), ["kinesis", "dynamodb", "s3", "postgres", "query"]);
    const [aws, database] = await Promise.all([
      awsParts.length === 0 ? {} : step(`embedded ${awsParts.join(", ")}`, () => this.#startAws(awsParts, ports)),
      ownDatabase ? step("embedded TimescaleDB", () => this.#startDatabase(ports.postgres)) : {},
      step("pages", () => buildPages()),
    ]);
    const endpoints = this.#endpoints(aws, database);
    writeDurably(join(dataDir, "endpoints.json"), `${JSON.stringify(endpoints, null, 2)}\n`, 0o600);
    const backend = this.#backendEnvironment(endpoints);
    await step("streams, tables, buckets, schema, keys", () => this.#provision(backend));
    const keys = readKeys(join(dataDir, "dev-keys.json"));
    const query = `http://127.0.0.1:${ports.query}`;
    await step("functions", async () => {
      await Promise.all(
        Object.entries(FUNCTION_HOSTS).map(([name, functions]) =>
          this.#startFunctions(name, functions, backend, ports.query),
        ),
      );
    });
    await step("edge", () => this.#startEdge(endpoints.kinesis, query, keys));
    await step("keys to the edge", () => this.#pushKeys(backend));
    return keys;
  }

  /** Stops the edge first and the stores last, so that accepted events can still be processed. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const child of this.#running) child.kill("SIGKILL");
    const stop = (names: string[], deadlineMs: number) =>
      Promise.all(names.map(async (name) => this.#children.get(name)?.stop(deadlineMs)));
    await stop(["edge"], 5_000);
    await stop(Object.keys(FUNCTION_HOSTS), 6_000);
    await stop(["aws", "postgres"], 5_000);
  }

  kill(): void {
    this.#stopping = true;
    for (const child of this.#running) child.kill("SIGKILL");
    for (const child of this.#children.values()) child.kill();
  }

  #startAws(parts: AwsPart[], ports: Record<AwsPart, number>): Promise<Record<string, string>> {
    const environment = {
      DATA_DIR: this.#settings.dataDir,
      KINESIS_PORT: String(ports.kinesis),
      DYNAMODB_PORT: String(ports.dynamodb),
      S3_PORT: String(ports.s3),
    };
    const nodeFlags = ["--max-old-space-size=384", "--max-semi-space-size=4"];
    return this.#startChild("aws", { script: "local/aws.ts", args: parts, nodeFlags, environment });
  }

  #startDatabase(port: number): Promise<Record<string, string>> {
    const environment = { DATA_DIR: this.#settings.dataDir, POSTGRES_PORT: String(port), MALLOC_ARENA_MAX: "1" };
    const nodeFlags = ["--max-old-space-size=384", "--max-semi-space-size=4"];
    const script = "local/postgres.ts";
    return this.#startChild("postgres", { script, nodeFlags, environment, hangMs: DATABASE_HANG_MS });
  }

  #startFunctions(name: string, functions: readonly string[], backend: Record<string, string>, queryPort: number) {
    const environment = { ...backend, QUERY_PORT: String(queryPort) };
    const nodeFlags = ["--max-old-space-size=384", "--max-semi-space-size=4"];
    return this.#startChild(name, { script: "local/functions.ts", args: functions, nodeFlags, environment });
  }

  #startEdge(kinesis: string, query: string, keys: DevelopmentKeys): Promise<Record<string, string>> {
    const { port, dataDir } = this.#settings;
    const vars = {
      ...this.#awsCredentials(),
      KINESIS_ENDPOINT: kinesis,
      QUERY_ENDPOINT: query,
      INTERNAL_SECRET: this.#secrets.INTERNAL_SECRET,
      SESSION_SECRET: this.#secrets.SESSION_SECRET,
      LEDGER_SECRET: this.#secrets.LEDGER_SECRET,
      DEMO_WRITE_KEY: keys.publicKey,
    };
    // For `wrangler dev` beside or instead of this edge: `cp .data/dev.vars .dev.vars`.
    const lines = Object.entries(vars).map(([name, value]) => `${name}=${JSON.stringify(value)}\n`);
    writeDurably(join(dataDir, "dev.vars"), lines.join(""), 0o600);
    const environment = {
      ...vars,
      PORT: String(port),
      DATA_DIR: dataDir,
      // workerd collects garbage so late by default that 50,000 requests to an empty Worker use 480 MB. With these flags they use
      // 140 MB.
      MINIFLARE_WORKERD_V8_FLAGS: "--initial-heap-size=8 --max-semi-space-size=2",
      CLOUDFLARE_CF_FETCH_ENABLED: "false",
      WRANGLER_SEND_METRICS: "false",
    };
    const nodeFlags = ["--max-old-space-size=256", "--max-semi-space-size=4"];
    const probe = (signal: AbortSignal) => expectOk(`http://127.0.0.1:${port}/healthz`, signal);
    return this.#startChild("edge", { script: "local/edge/dev.ts", nodeFlags, environment, probe });
  }

  async #startChild(
    name: string,
    options: Pick<ChildOptions, "script" | "args" | "nodeFlags" | "environment" | "probe"> & { hangMs?: number },
  ): Promise<Record<string, string>> {
    const child: Child = new Child({
      hangMs: HANG_MS,
      ...options,
      name,
      script: join(this.#root, options.script),
      environment: this.#childEnvironment(options.environment),
      logPath: join(this.#settings.dataDir, "logs", `${name}.log`),
      cwd: this.#root,
      guard: join(this.#root, "scripts/start/guard.ts"),
      onDeath: (reason, delayMs) => this.#events.onDeath(child, reason, delayMs),
      onGivenUp: (reason) => this.#events.onGivenUp(child, reason),
    });
    this.#children.set(name, child);
    if (this.#stopping) throw new Error("stopped while starting");
    return child.start();
  }

  /** Runs once. An embedded part that is just being restarted gets a second attempt. */
  async #provision(backend: Record<string, string>): Promise<void> {
    const log = new LogFile(join(this.#settings.dataDir, "logs", "setup.log"));
    for (let attempt = 1; ; attempt++) {
      if ((await this.#runOnce(["local/setup.ts"], backend, log)) === 0) return;
      if (attempt === PROVISION_ATTEMPTS || this.#stopping) {
        throw new Error(`provisioning failed:\n${log.lastLines.join("\n")}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 1_000 * attempt));
    }
  }

  /** The edge can request a key that it does not know. With all keys it accepts events even while the database is down. */
  async #pushKeys(backend: Record<string, string>): Promise<void> {
    const log = new LogFile(join(this.#settings.dataDir, "logs", "setup.log"));
    const code = await this.#runOnce(["backend/src/cli/main.ts", "keys", "push"], backend, log);
    if (code !== 0) warn(`the keys could not be sent to the edge; it requests them instead (${log.path})`);
  }

  async #runOnce(command: string[], backend: Record<string, string>, log: LogFile): Promise<number | null> {
    const guard = join(this.#root, "scripts/start/guard.ts");
    const child = spawn(process.execPath, ["--import", guard, ...command], {
      cwd: this.#root,
      env: this.#childEnvironment(backend),
      detached: true,
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    this.#running.add(child);
    child.stdout?.on("data", (chunk: Buffer) => log.write(chunk));
    child.stderr?.on("data", (chunk: Buffer) => log.write(chunk));
    return new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    }).finally(() => this.#running.delete(child));
  }

  #endpoints(aws: Record<string, string>, database: Record<string, string>) {
    const { environment } = this.#settings;
    const region = this.#awsCredentials().AWS_REGION;
    const awsEndpoint = (part: AwsPart) =>
      environment[AWS_PARTS[part]] ?? aws[part] ?? `https://${part}.${region}.amazonaws.com`;
    return {
      kinesis: awsEndpoint("kinesis"),
      dynamodb: awsEndpoint("dynamodb"),
      s3: awsEndpoint("s3"),
      database: environment.DATABASE_URL ?? database.database ?? "",
    };
  }

  #backendEnvironment(endpoints: { kinesis: string; dynamodb: string; s3: string; database: string }) {
    return {
      ...this.#awsCredentials(),
      DATA_DIR: this.#settings.dataDir,
      KINESIS_ENDPOINT: endpoints.kinesis,
      DYNAMODB_ENDPOINT: endpoints.dynamodb,
      S3_ENDPOINT: endpoints.s3,
      // The embedded S3 also implements SNS.
      ...(this.#settings.environment.S3_ENDPOINT === undefined ? { SNS_ENDPOINT: endpoints.s3 } : {}),
      DATABASE_URL: endpoints.database,
      EDGE_URL: `http://127.0.0.1:${this.#settings.port}`,
      INTERNAL_SECRET: this.#secrets.INTERNAL_SECRET,
      VAULT_HMAC_KEY: this.#secrets.VAULT_HMAC_KEY,
    };
  }

  #awsCredentials() {
    const { AWS_REGION = "us-east-1", AWS_SESSION_TOKEN } = this.#settings.environment;
    return {
      AWS_REGION,
      AWS_ACCESS_KEY_ID: this.#secrets.AWS_ACCESS_KEY_ID,
      AWS_SECRET_ACCESS_KEY: this.#secrets.AWS_SECRET_ACCESS_KEY,
      ...(AWS_SESSION_TOKEN === undefined ? {} : { AWS_SESSION_TOKEN }),
    };
  }

  /** `.env` and the environment for every variable that is not set here, and the mark by which leftover processes are found. */
  #childEnvironment(own: Record<string, string>): Record<string, string> {
    return {
      // Without this setting freed memory stays with the process: 20 to 100 MB in each process after its start.
      MALLOC_ARENA_MAX: "2",
      MALLOC_TRIM_THRESHOLD_: "1000000",
      NODE_COMPILE_CACHE: compileCacheFolder(this.#root),
      ...this.#settings.environment,
      ...own,
      [FOLDER_MARK]: this.#settings.dataDir,
    };
  }
}

/** Not with `fetch`, because its first use costs the supervisor 15 MB permanently. */
function expectOk(url: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = get(url, { signal, agent: false }, (answer) => {
      answer.resume();
      if (answer.statusCode === 200) answer.once("end", resolve);
      else reject(new Error(`${url} answered ${answer.statusCode}`));
      answer.once("error", reject);
    });
    request.once("error", reject);
  });
}

function readKeys(path: string): DevelopmentKeys {
  const keys = readJsonFile(path) as Partial<DevelopmentKeys> | undefined;
  if (typeof keys?.publicKey !== "string" || typeof keys.secretKey !== "string") {
    throw new StartRefused(`${path} does not hold the development keys`);
  }
  return { publicKey: keys.publicKey, secretKey: keys.secretKey };
}
