// `node tests/load/largest-bodies.ts`: the memory of the edge's process when clients send the largest legal bodies and larger
// ones. First it sends the largest legal bodies, 64 at a time, then bodies that must be refused. It prints its resident memory
// during the run, and whether it stayed within the budget. An isolate has 128 MB at Cloudflare. workerd alone does not enforce
// that limit, so this program measures the process.

import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { generateKey, hashKey, LIMITS, PUBLIC_SCOPES } from "@behaviour/contract";
import { startLimitedEdge } from "./limited-workerd.ts";
import { bundleWorker } from "./workerd.ts";

const HELP = `node tests/load/largest-bodies.ts [--minutes 10] [--connections 64] [--budget-mib 384] [--heap-mib 128] [--only KIND]

For half of the time it sends the largest legal bodies (plain and gzip), for the other half bodies that are refused or hold
absurd JSON. KIND is legal, keys, long, chunked, bomb, brackets, objects, or "refused" for all but the first in turns.
Prints resident memory. Exits with 1 above the budget, or on any 5xx but 503. An isolate whose heap grows above --heap-mib
ends the process, which also counts as a failure.`;

const { values } = parseArgs({
  options: {
    help: { type: "boolean", default: false },
    minutes: { type: "string", default: "10" },
    connections: { type: "string", default: "64" },
    "budget-mib": { type: "string", default: "384" },
    "heap-mib": { type: "string", default: "128" },
    only: { type: "string" },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const seconds = Number(values.minutes) * 60;
const connections = Number(values.connections);
const budgetMib = Number(values["budget-mib"]);

interface Body {
  gzip: boolean;
  bytes: Uint8Array;
  /** Without a Content-Length. */
  chunked: boolean;
}

const MIB = 1024 * 1024;
let made = 0;

/**
 * As many events of the maximum size as a body of 4 MiB holds. The ids are new, because otherwise the second body would consist
 * of duplicates only.
 */
function largestBody(): Body {
  const properties = Object.fromEntries(
    Array.from({ length: 4 }, (_, index) => [`p${index}`, `${"x".repeat(7_000)}${randomUUID()}`]),
  );
  const batch: object[] = [];
  for (let bytes = 32; ; ) {
    const event = { type: "track", event: "Large", anonymousId: randomUUID(), messageId: randomUUID(), properties };
    bytes += JSON.stringify(event).length + 1;
    if (bytes > LIMITS.bodyBytes) break;
    batch.push(event);
  }
  const text = Buffer.from(JSON.stringify({ batch }));
  return made++ % 2 === 0
    ? { gzip: true, bytes: gzipSync(text), chunked: false }
    : { gzip: false, bytes: text, chunked: false };
}

function plain(text: string | Buffer, chunked = false): () => Body {
  const bytes = Buffer.from(text);
  return () => ({ gzip: false, bytes, chunked });
}

function gzipped(text: Buffer): () => Body {
  const bytes = gzipSync(text);
  return () => ({ gzip: true, bytes, chunked: false });
}

/** The maximum number of events in a request, with no key twice. This legal body has the largest values in memory. */
function manyKeys(): Body {
  const batch = Array.from({ length: LIMITS.eventsPerRequest }, () => {
    const properties = Object.fromEntries(Array.from({ length: 110 }, () => [`k${made++}`, 1]));
    return { type: "track", event: "Keys", anonymousId: randomUUID(), messageId: randomUUID(), properties };
  });
  return { gzip: true, bytes: gzipSync(JSON.stringify({ batch }), { level: 1 }), chunked: false };
}

const KINDS: Record<string, () => Body> = {
  legal: largestBody,
  keys: manyKeys,
  long: plain(Buffer.alloc(6 * MIB, "x")),
  chunked: plain(Buffer.alloc(6 * MIB, "x"), true),
  bomb: gzipped(Buffer.alloc(512 * MIB, "[")),
  brackets: gzipped(Buffer.alloc(4 * MIB - 1, "[")),
  objects: plain(`{"batch":[${"{},".repeat(1_300_000)}{}]}`),
};

const { only } = values;
if (only !== undefined && only !== "refused" && !Object.hasOwn(KINDS, only)) {
  console.error(`no kind of bodies is called ${only}\n\n${HELP}`);
  process.exit(2);
}

/** Accepts every record and keeps none. */
async function startNullKinesis(): Promise<{ port: number; stop: () => void }> {
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const { Records } = JSON.parse(Buffer.concat(chunks).toString()) as { Records: unknown[] };
      const results = Records.map((_, index) => ({ SequenceNumber: String(index + 1), ShardId: "shardId-0" }));
      outgoing.end(JSON.stringify({ FailedRecordCount: 0, Records: results }));
    });
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const stop = () => {
    server.closeAllConnections();
    server.close();
  };
  return { port: (server.address() as AddressInfo).port, stop };
}

const dir = mkdtempSync(join(tmpdir(), "behaviour-bodies-"));
const key = generateKey("public", "live");
const kinesis = await startNullKinesis();
const edge = await startLimitedEdge({
  dir,
  bundle: await bundleWorker(dir),
  kinesisPort: kinesis.port,
  keyHash: hashKey(key),
  record: {
    id: "bodies",
    project: "bodies",
    kind: "public",
    environment: "live",
    scopes: [...PUBLIC_SCOPES],
    origins: [],
    cidrs: [],
    rateLimit: 1_000_000,
    notBefore: null,
    notAfter: null,
    revokedAt: null,
    shards: 1,
    settings: { consentRegime: "opt-out" },
  },
  heapMib: Number(values["heap-mib"]),
});
const agent = new Agent({ keepAlive: true, maxSockets: connections });
const statuses = new Map<string, number>();

/** Resolves when the answer was read. A closed connection counts as `cut`. */
function post({ gzip, bytes, chunked }: Body): Promise<void> {
  return new Promise((resolve) => {
    let isCounted = false;
    const count = (name: string) => {
      // An answer that arrived while the body was being sent counts, whatever happens to the connection.
      if (isCounted) return;
      isCounted = true;
      statuses.set(name, (statuses.get(name) ?? 0) + 1);
      resolve();
    };
    const headers = {
      authorization: `Bearer ${key}`,
      ...(gzip ? { "content-encoding": "gzip" } : {}),
      ...(chunked ? {} : { "content-length": bytes.byteLength }),
    };
    const options = { agent, host: "127.0.0.1", port: edge.port, path: "/v1/batch", method: "POST", headers };
    const sent = httpRequest(options, (answer) => {
      answer.resume();
      answer.on("end", () => count(String(answer.statusCode)));
    });
    sent.on("error", () => count("cut"));
    sent.end(bytes);
  });
}

let largestMib = 0;

async function phase(name: string, phaseSeconds: number, next: () => Body): Promise<void> {
  const end = Date.now() + phaseSeconds * 1_000;
  let shownAt = 0;
  const lane = async () => {
    while (Date.now() < end) {
      await post(next());
      if (!edge.isAlive()) throw new Error(`${name}: an isolate's heap grew beyond ${values["heap-mib"]} MiB`);
      const nowMib = edge.residentMib();
      largestMib = edge.peakMib();
      // Far above the budget the run can show nothing more, and the machine may run out of memory.
      if (nowMib > 2 * budgetMib) throw new Error(`${name}: ${nowMib.toFixed(0)} MiB, twice the budget`);
      if (Date.now() - shownAt < 10_000) continue;
      shownAt = Date.now();
      const left = Math.max(0, Math.round((end - Date.now()) / 1_000));
      console.log(`${name}: ${nowMib.toFixed(0)} MiB now, ${largestMib.toFixed(0)} MiB at most, ${left} s left`);
    }
  };
  await Promise.all(Array.from({ length: connections }, lane));
}

try {
  const { legal = largestBody, ...refused } = KINDS;
  const kinds = Object.values(refused);
  const anyRefused = () => (kinds[made++ % kinds.length] as () => Body)();
  if (only === undefined) {
    await phase("largest legal bodies", seconds / 2, legal);
    await phase("refused bodies", seconds / 2, anyRefused);
  } else await phase(only, seconds, only === "refused" ? anyRefused : (KINDS[only] as () => Body));
} finally {
  edge.stop();
  kinesis.stop();
  agent.destroy();
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
}
const answers = [...statuses]
  .toSorted(([a], [b]) => a.localeCompare(b))
  .map(([status, count]) => `${status}: ${count}`);
console.log(`\nanswers ${answers.join(", ")}; resident at most ${largestMib.toFixed(0)} MiB (budget ${budgetMib} MiB)`);
const unexpected = [...statuses.keys()].some((status) => status.startsWith("5") && status !== "503");
process.exit(unexpected || largestMib > budgetMib ? 1 : 0);
