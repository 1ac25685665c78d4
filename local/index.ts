// The embedded parts in one process, for tests. Each part listens on a free port of loopback and keeps its data in memory unless
// a folder is given.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { startDynamodb } from "./emulators/dynamodb.ts";
import { startKinesis } from "./emulators/kinesis.ts";
import { startS3 } from "./emulators/s3.ts";

export { type PostgresOptions, type PostgresPart, startPostgres } from "./postgres/server.ts";
export { provision, provisionAws, provisionDatabase, provisionKeys } from "./provision.ts";

export type AwsPart = "kinesis" | "dynamodb" | "s3";

export interface EmbeddedAws {
  /** Endpoints. A part that was not requested has the empty string. */
  kinesis: string;
  dynamodb: string;
  s3: string;
  stop(): Promise<void>;
}

export interface AwsOptions {
  /** Folder of all the parts' files. In memory when absent. */
  dataDir?: string;
  /** All parts when absent. */
  parts?: readonly AwsPart[];
  /** A free port is chosen for each absent part. */
  ports?: Partial<Record<AwsPart, number>>;
}

const STARTERS = { kinesis: startKinesis, dynamodb: startDynamodb, s3: startS3 };

/** @throws the system's error if a port is taken. */
export async function startAws(options: AwsOptions = {}): Promise<EmbeddedAws> {
  const { dataDir } = options;
  const parts = options.parts ?? (["kinesis", "dynamodb", "s3"] as const);
  if (dataDir !== undefined) mkdirSync(dataDir, { recursive: true });
  const started = await Promise.all(
    parts.map(async (part) => {
      const port = options.ports?.[part];
      const settings = {
        ...(dataDir === undefined ? {} : { path: join(dataDir, part) }),
        ...(port === undefined ? {} : { port }),
      };
      return [part, await STARTERS[part](settings)] as const;
    }),
  );
  const byPart = new Map(started);
  return {
    kinesis: byPart.get("kinesis")?.endpoint ?? "",
    dynamodb: byPart.get("dynamodb")?.endpoint ?? "",
    s3: byPart.get("s3")?.endpoint ?? "",
    stop: async () => {
      await Promise.all([...byPart.values()].map((part) => part.stop()));
    },
  };
}
