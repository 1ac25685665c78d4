// Plain workerd with the production bundle: the runtime of Cloudflare without Cloudflare's network. `wrangler dev` has a proxy in
// front that accepts 400–900 requests/s, and a benchmark would measure only that proxy.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type KeyRecord, keyRecordName } from "@behaviour/contract";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const WORKERS = fileURLToPath(new URL("workers/", import.meta.url));
const START_TIMEOUT_MS = 20_000;

export interface Workerd {
  pid: number;
  /** Port of the first isolate. */
  port: number;
  /** One port per isolate. */
  ports: readonly number[];
  /** 0 unless the inspector was requested. */
  inspectorPort: number;
  stop: () => void;
}

/**
 * The Worker in the form in which `wrangler deploy` would upload it.
 * @returns the module's file.
 */
export async function bundleWorker(dir: string): Promise<string> {
  const outDir = join(dir, "bundle");
  const assets = join(dir, "assets");
  mkdirSync(assets, { recursive: true });
  const wrangler = join(ROOT, "node_modules/wrangler/bin/wrangler.js");
  const flags = ["deploy", "--dry-run", "--outdir", outDir, "--assets", assets];
  await promisify(execFile)(process.execPath, [wrangler, ...flags], {
    cwd: ROOT,
    env: { ...process.env, CLOUDFLARE_CF_FETCH_ENABLED: "false", WRANGLER_SEND_METRICS: "false" },
  });
  return join(outDir, "worker.js");
}

/** The workerd that wrangler installs. */
function workerdBinary(): string {
  const fromEdge = createRequire(join(ROOT, "edge/package.json"));
  const fromWrangler = createRequire(fromEdge.resolve("wrangler/package.json"));
  return (fromWrangler("workerd") as { default: string }).default;
}

function wranglerToml(): string {
  return readFileSync(join(ROOT, "wrangler.toml"), "utf8");
}

function compatibility(): string {
  const date = /^compatibility_date\s*=\s*"([\d-]+)"/m.exec(wranglerToml())?.[1];
  if (date === undefined) throw new Error("wrangler.toml names no compatibility_date");
  // nodejs_compat is part of this date since 2026-08-04.
  return `compatibilityDate = "${date}"`;
}

/** The Durable Objects as they are deployed: binding and class. */
function durableObjects(): { binding: string; className: string }[] {
  const pattern = /\[\[durable_objects\.bindings\]\]\s+name\s*=\s*"(\w+)"\s+class_name\s*=\s*"(\w+)"/g;
  return [...wranglerToml().matchAll(pattern)].map(([, binding, className]) => ({
    binding: binding as string,
    className: className as string,
  }));
}

export interface EdgeOptions {
  dir: string;
  bundle: string;
  kinesisPort: number;
  /** The only key in KV, and its hash. */
  keyHash: string;
  record: KeyRecord;
  /** Copies of the Worker (1 by default). Each is an isolate with its own memory. The objects are the first copy's. */
  isolates?: number;
  /** Passed to V8 for every isolate: a limit of its heap (limited-workerd.ts). */
  v8Flags?: readonly string[];
  /** The process joins this group before it starts: the `cgroup.procs` file of a group (tests/budget/memory-group.ts). */
  processGroup?: string | null;
  /** `GET /operations` of the first isolate returns what its objects did (workers/count-operations.js). */
  counted?: boolean;
  /** `inspectorPort` answers for the isolates, which are named `isolate-0` and so on. */
  inspected?: boolean;
}

const COUNTING = "count-operations.js";

/** A module in front of the bundle: the bundle's classes, each counted, and a route that returns the counts. */
function countingEntry(): string {
  const objects = durableObjects();
  const classes = objects.map(({ className: name }) => `export const ${name} = counted("${name}", worker.${name});`);
  const namespaces = objects.map(({ binding, className }) => `${className}: env.${binding}`);
  return `import * as worker from "./worker.js";
import { counted, operations } from "./${COUNTING}";
${classes.join("\n")}
export default {
  ...worker.default,
  async fetch(request, env, context) {
    if (!request.url.endsWith("/operations")) return worker.default.fetch(request, env, context);
    return Response.json(await operations(env, { ${namespaces.join(", ")} }));
  },
};
`;
}

const text = (name: string, value: string) => `( name = "${name}", text = ${JSON.stringify(value)} )`;
const moduleOf = (file: string) => `( name = "${file}", esModule = embed "${file}" )`;

/** The Worker's copies as services. The first copy has the objects, and the other copies reach them there. */
function edgeServices({ kinesisPort, counted = false }: EdgeOptions, names: readonly string[]): string[] {
  const objects = durableObjects();
  const namespaces = objects.map(
    ({ className }) => `( className = "${className}", uniqueKey = "bench-${className}", enableSql = true )`,
  );
  const own = `durableObjectNamespaces = [ ${namespaces.join(", ")} ],
      durableObjectStorage = ( localDisk = "objects" ),`;
  const bindings = (place: string) => [
    ...objects.map(
      ({ binding, className }) =>
        `( name = "${binding}", durableObjectNamespace = ( className = "${className}"${place} ) )`,
    ),
    `( name = "KEYS", kvNamespace = "keys" )`,
    text("AWS_REGION", "us-east-1"),
    text("AWS_ACCESS_KEY_ID", "benchmark"),
    text("AWS_SECRET_ACCESS_KEY", "benchmark"),
    text("RAW_STREAM", "behaviour-raw"),
    text("LEDGER_SECRET", "a secret of the benchmark, as long as it must be"),
    text("KINESIS_ENDPOINT", `http://127.0.0.1:${kinesisPort}`),
  ];
  return names.map((name, index) => {
    const isFirst = index === 0;
    const modules = isFirst && counted ? ["entry.js", "worker.js", COUNTING] : ["worker.js"];
    return `( name = "${name}", worker = (
      modules = [ ${modules.map(moduleOf).join(", ")} ],
      ${compatibility()},
      ${isFirst ? own : ""}
      globalOutbound = "loopback",
      bindings = [
        ${bindings(isFirst ? "" : `, serviceName = "${names[0]}"`).join(",\n        ")} ] ) )`;
  });
}

/** The Worker with its shards on disk, its KV and its stream. */
export function startEdge(options: EdgeOptions): Promise<Workerd> {
  const { dir, isolates = 1, v8Flags = [] } = options;
  mkdirSync(join(dir, "objects"), { recursive: true });
  copyFileSync(options.bundle, join(dir, "worker.js"));
  for (const file of ["keys.js", COUNTING]) copyFileSync(join(WORKERS, file), join(dir, file));
  writeFileSync(join(dir, "entry.js"), countingEntry());
  const names = Array.from({ length: isolates }, (_, index) => `isolate-${index}`);
  const sockets = names.map((name) => `( name = "${name}", address = "127.0.0.1:0", http = (), service = "${name}" )`);
  const config = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  v8Flags = ${JSON.stringify(v8Flags)},
  services = [
    ${edgeServices(options, names).join(",\n    ")},
    ( name = "keys", worker = (
      modules = [ ${moduleOf("keys.js")} ],
      ${compatibility()},
      bindings = [
        ${text("NAME", keyRecordName(options.keyHash))},
        ${text("VALUE", JSON.stringify(options.record))} ] ) ),
    ( name = "objects", disk = ( path = ${JSON.stringify(join(dir, "objects"))}, writable = true ) ),
    ( name = "loopback", network = ( allow = ["local"] ) )
  ],
  sockets = [ ${sockets.join(", ")} ]
);
`;
  return serve(dir, config, isolates, options);
}

/** The ceiling: a handler on the same runtime that only parses. */
export function startParseOnly(dir: string): Promise<Workerd> {
  mkdirSync(dir, { recursive: true });
  copyFileSync(join(WORKERS, "parse-only.js"), join(dir, "parse-only.js"));
  return serve(
    dir,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [ ( name = "main", worker = (
    modules = [ ( name = "parse-only.js", esModule = embed "parse-only.js" ) ],
    ${compatibility()} ) ) ],
  sockets = [ ( name = "http", address = "127.0.0.1:0", http = (), service = "main" ) ]
);
`,
    1,
  );
}

async function serve(
  dir: string,
  config: string,
  sockets: number,
  { processGroup = null, inspected = false }: Pick<EdgeOptions, "processGroup" | "inspected"> = {},
): Promise<Workerd> {
  const file = join(dir, "config.capnp");
  writeFileSync(file, config);
  // workerd writes the ports that the system chose to file descriptor 3.
  const inspector = inspected ? ["--inspector-addr=127.0.0.1:0"] : [];
  const command = [workerdBinary(), "serve", file, "--control-fd=3", ...inspector];
  const joinGroup = ["sh", "-c", 'echo $$ > "$0" && exec "$@"'];
  const [name, ...words] = processGroup === null ? command : [...joinGroup, processGroup, ...command];
  const child = spawn(name as string, words, {
    cwd: dirname(file),
    stdio: ["ignore", "inherit", "inherit", "pipe"],
  });
  const stop = () => void child.kill("SIGKILL");
  process.once("exit", stop);
  try {
    const { ports, inspectorPort } = await listening(child, sockets, inspected);
    return { pid: child.pid as number, port: ports[0] as number, ports, inspectorPort, stop };
  } catch (fault) {
    stop();
    throw fault;
  }
}

function listening(
  child: ChildProcess,
  sockets: number,
  inspected: boolean,
): Promise<Pick<Workerd, "ports" | "inspectorPort">> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("workerd did not start listening")), START_TIMEOUT_MS);
    child.once("exit", (code) => reject(new Error(`workerd ended with ${code} before it listened`)));
    let told = "";
    child.stdio[3]?.on("data", (chunk: Buffer) => {
      told += chunk.toString();
      const ports = [...told.matchAll(/"event":"listen".*?"port":(\d+)/g)].map(([, port]) => Number(port));
      const inspectorPort = Number(/"event":"listen-inspector".*?"port":(\d+)/.exec(told)?.[1] ?? 0);
      if (ports.length < sockets || (inspected && inspectorPort === 0)) return;
      clearTimeout(timer);
      resolve({ ports, inspectorPort });
    });
  });
}
