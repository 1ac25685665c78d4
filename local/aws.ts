// The process that hosts the embedded AWS parts. Its arguments name the parts to host. DATA_DIR is the folder of their files.
// <PART>_PORT is the port of each part.

import { type AwsPart, startAws } from "./index.ts";
import { announceReady } from "./supervised.ts";

const PARTS = ["kinesis", "dynamodb", "s3"] as const;

const parts = process.argv.slice(2).filter((name): name is AwsPart => (PARTS as readonly string[]).includes(name));
const ports: Partial<Record<AwsPart, number>> = {};
for (const part of parts) ports[part] = Number(process.env[`${part.toUpperCase()}_PORT`] ?? 0);

try {
  const dataDir = process.env.DATA_DIR ?? ".data";
  const embedded = await startAws({ dataDir, parts, ports });
  const { kinesis, dynamodb, s3 } = embedded;
  announceReady({ kinesis, dynamodb, s3 }, () => embedded.stop());
} catch (fault) {
  console.error(`embedded AWS parts: ${fault instanceof Error ? fault.message : String(fault)}`);
  process.exit(1);
}
