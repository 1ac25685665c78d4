// S3 on this machine: fauxqs, which stores its objects as plain files (`buckets/<bucket>/objects/<key>.data`). It ignores
// `If-None-Match` and checksums, so writers use keys that make overwriting harmless.
//
// The package's own `startFauxqs` listens on every interface. This file therefore composes the package's app itself and listens
// on loopback only.

import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { buildApp } from "fauxqs";
import type { ListeningPart } from "./listening.ts";

type App = ReturnType<typeof buildApp>;
type S3Store = NonNullable<NonNullable<Parameters<typeof buildApp>[0]>["stores"]>["s3Store"];
type Stores = NonNullable<NonNullable<Parameters<typeof buildApp>[0]>["stores"]>;
interface FilePersistence {
  loadS3(store: S3Store): void;
}

const HOST = "127.0.0.1";

export async function startS3(options: { path?: string; port?: number }): Promise<ListeningPart> {
  const app = await buildS3(options.path);
  const endpoint = await app.listen({ host: HOST, port: options.port ?? 0 });
  app.server.keepAliveTimeout = 120_000;
  return { endpoint, stop: () => app.close().then(() => undefined) };
}

async function buildS3(path: string | undefined): Promise<App> {
  const { S3Store } = await internals<{ S3Store: new () => S3Store }>("./s3/s3Store.js");
  const { SqsStore } = await internals<{ SqsStore: new () => Stores["sqsStore"] }>("./sqs/sqsStore.js");
  const { SnsStore } = await internals<{ SnsStore: new () => Stores["snsStore"] }>("./sns/snsStore.js");
  const s3Store = new S3Store();
  if (path !== undefined) {
    mkdirSync(path, { recursive: true });
    dropTornDescriptions(join(path, "buckets"));
    const { FileS3Persistence } = await internals<{ FileS3Persistence: new (folder: string) => FilePersistence }>(
      "./s3/fileS3Persistence.js",
    );
    const persistence = new FileS3Persistence(path);
    persistence.loadS3(s3Store);
    Object.assign(s3Store, { persistence });
  }
  return buildApp({
    logger: false,
    host: HOST,
    stores: { s3Store, sqsStore: new SqsStore(), snsStore: new SnsStore() },
  });
}

/** The package exports only its entry point. Its stores are modules beside the entry point. */
async function internals<T>(file: string): Promise<T> {
  return (await import(new URL(file, import.meta.resolve("fauxqs")).href)) as T;
}

/**
 * The emulator writes an object's body first and its description second, and neither write is atomic. The emulator does not start
 * if a description is truncated. An object with a truncated description was never acknowledged, so its writer puts it again.
 */
function dropTornDescriptions(folder: string): void {
  let entries: string[];
  try {
    entries = readdirSync(folder, { recursive: true, encoding: "utf8" });
  } catch {
    return; // On the first start there is no folder yet.
  }
  for (const entry of entries) {
    const path = join(folder, entry);
    if (entry.endsWith(".json") && statSync(path).size === 0) rmSync(path);
  }
}
