// Runs the bundled Worker in its own workerd behind a real socket, started from Node, with a key that may write.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateKey, hashKey, type KeyRecord, keyRecordName } from "@behaviour/contract";
import { convertV4MiniflareOptions, Miniflare, type MiniflareOptions } from "miniflare";
import { bundleWorker } from "../../../local/edge/bundle.ts";

const INTERNAL_SECRET = "internal-secret-of-at-least-32-characters";

export interface ListeningWorker {
  /** `http://127.0.0.1:<port>`, unchanged by deployments. */
  origin: string;
  key: string;
  project: string;
  /** Replaces the running Worker with another version, as a deployment does. Objects keep their storage. */
  deploy(vars?: Record<string, string>): Promise<void>;
  /** Pushes key records, as the control plane does. @throws if the edge did not accept them */
  push(records: readonly { key: string; record: KeyRecord }[]): Promise<void>;
  stop(): Promise<void>;
}

/** @param vars variables to override. By default the stream is unreachable, and accepted events wait. */
export async function startWorker(vars: Record<string, string> = {}): Promise<ListeningWorker> {
  const storage = mkdtempSync(join(tmpdir(), "behaviour-worker-"));
  const code = await bundleWorker();
  let version = 1;
  let bindings = { ...VARS, ...vars };
  let port = 0;
  const options = () => optionsOf(`${code}\n// version ${version}\n`, bindings, storage, port);
  const miniflare = new Miniflare(options());
  const { origin } = await miniflare.ready;
  port = Number(new URL(origin).port);
  const { key, project } = await pushKey(origin);
  return {
    origin,
    key,
    project,
    deploy: async (changed = {}) => {
      version++;
      bindings = { ...bindings, ...changed };
      await miniflare.setOptions(options());
    },
    push: (records) => pushRecords(origin, records),
    stop: async () => {
      await miniflare.dispose();
      rmSync(storage, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

const VARS: Record<string, string> = {
  AWS_REGION: "us-east-1",
  AWS_ACCESS_KEY_ID: "local",
  AWS_SECRET_ACCESS_KEY: "local",
  RAW_STREAM: "behaviour-raw",
  KINESIS_ENDPOINT: "http://127.0.0.1:1",
  INTERNAL_SECRET,
  LEDGER_SECRET: "ledger-secret-of-at-least-32-characters",
};

function optionsOf(code: string, bindings: Record<string, string>, storage: string, port: number): MiniflareOptions {
  const wrangler = readFileSync(new URL("../../../wrangler.toml", import.meta.url), "utf8");
  const classes = [...wrangler.matchAll(/\nname = "([A-Z]+)"\nclass_name = "(\w+)"/g)];
  return convertV4MiniflareOptions({
    name: "edge",
    host: "127.0.0.1",
    port,
    modules: [{ type: "ESModule", path: "worker.js", contents: code }],
    compatibilityDate: /^compatibility_date = "([\d-]+)"/m.exec(wrangler)?.[1] as string,
    compatibilityFlags: ["nodejs_compat"],
    bindings,
    durableObjects: Object.fromEntries(classes.map(([, name, className]) => [name, { className, useSQLite: true }])),
    kvNamespaces: { KEYS: "keys" },
    resourcePersistencePath: storage,
    cf: false,
  });
}

async function pushKey(origin: string): Promise<{ key: string; project: string }> {
  const key = generateKey("public", "test");
  const project = "http";
  await pushRecords(origin, [{ key, record: testRecord({ id: "key", project, scopes: ["write"] }) }]);
  return { key, project };
}

/** The record of a public key without restrictions, except for the given changes. */
export function testRecord(change: Partial<KeyRecord> & { id: string; project: string }): KeyRecord {
  return {
    kind: "public",
    environment: "test",
    scopes: ["write", "consent"],
    origins: [],
    cidrs: [],
    rateLimit: 100_000,
    notBefore: null,
    notAfter: null,
    revokedAt: null,
    shards: 1,
    settings: { consentRegime: "opt-out" },
    ...change,
  };
}

async function pushRecords(origin: string, pushed: readonly { key: string; record: KeyRecord }[]): Promise<void> {
  const records = pushed.map(({ key, record }) => ({ name: keyRecordName(hashKey(key)), value: record }));
  const answer = await fetch(`${origin}/internal/keys`, {
    method: "POST",
    headers: { Authorization: `Bearer ${INTERNAL_SECRET}` },
    body: JSON.stringify({ records }),
  });
  if (!answer.ok) throw new Error(`the keys were not taken: ${answer.status} ${await answer.text()}`);
  await answer.body?.cancel();
}
