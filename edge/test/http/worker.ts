// Runs in Node: the bundled Worker in a workerd of its own, behind a real socket, with a key that may write.

import { readFileSync } from "node:fs";
import { generateKey, hashKey, keyRecordName } from "@behaviour/contract";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { bundleWorker } from "../../local/bundle.ts";

const INTERNAL_SECRET = "internal-secret-of-at-least-32-characters";

export interface ListeningWorker {
  /** `http://127.0.0.1:<port>` */
  origin: string;
  key: string;
  stop(): Promise<void>;
}

/** Its stream is not there: what it takes waits. */
export async function startWorker(): Promise<ListeningWorker> {
  const wrangler = readFileSync(new URL("../../../wrangler.toml", import.meta.url), "utf8");
  const classes = [...wrangler.matchAll(/\nname = "([A-Z]+)"\nclass_name = "(\w+)"/g)];
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host: "127.0.0.1",
      port: 0,
      modules: [{ type: "ESModule", path: "worker.js", contents: await bundleWorker() }],
      compatibilityDate: /^compatibility_date = "([\d-]+)"/m.exec(wrangler)?.[1] as string,
      compatibilityFlags: ["nodejs_compat"],
      bindings: {
        AWS_REGION: "us-east-1",
        AWS_ACCESS_KEY_ID: "local",
        AWS_SECRET_ACCESS_KEY: "local",
        RAW_STREAM: "behaviour-raw",
        KINESIS_ENDPOINT: "http://127.0.0.1:1",
        INTERNAL_SECRET,
      },
      durableObjects: Object.fromEntries(classes.map(([, name, className]) => [name, { className, useSQLite: true }])),
      kvNamespaces: ["KEYS"],
      cf: false,
    }),
  );
  const { origin } = await miniflare.ready;
  const key = generateKey("public", "test");
  const value = {
    id: "key",
    project: "http",
    kind: "public",
    environment: "test",
    scopes: ["write"],
    origins: [],
    cidrs: [],
    rateLimit: 100_000,
    notBefore: null,
    notAfter: null,
    revokedAt: null,
    shards: 1,
    settings: { consentRegime: "opt-out" },
  };
  const pushed = await fetch(`${origin}/internal/keys`, {
    method: "POST",
    headers: { Authorization: `Bearer ${INTERNAL_SECRET}` },
    body: JSON.stringify({ records: [{ name: keyRecordName(hashKey(key)), value }] }),
  });
  if (!pushed.ok) throw new Error(`the key was not taken: ${pushed.status} ${await pushed.text()}`);
  return { origin, key, stop: () => miniflare.dispose() };
}
