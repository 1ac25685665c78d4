// Bounds the memory of the emulated DynamoDB, which passes no options on to its LevelDB: every open table file is mapped and
// stays resident, up to 2 GB. Must be imported before dynalite, which picks its class up when it is loaded.

import { createRequire } from "node:module";

/** LevelDB's lower bound, ten files for itself included: 64 MB of table files are mapped at most. */
const OPTIONS = { maxOpenFiles: 74, maxFileSize: 1024 * 1024 };

type LevelClass = new (path: string, options: object) => object;

const requireAsDynalite = createRequire(createRequire(import.meta.url).resolve("dynalite"));
const level = requireAsDynalite("level") as { Level: LevelClass };
level.Level = class extends level.Level {
  constructor(path: string, options: object) {
    super(path, { ...options, ...OPTIONS });
  }
};
