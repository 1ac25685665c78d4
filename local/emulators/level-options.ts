// Bounds the memory of the emulated DynamoDB. dynalite passes no options on to its LevelDB, so LevelDB maps every open table
// file, and the mapped files stay resident, up to 2 GB. This module must be imported before dynalite, because dynalite chooses
// its LevelDB class when it is loaded.

import { createRequire } from "node:module";

/** LevelDB's minimum, which includes ten files for LevelDB itself. At most 64 MB of table files are mapped. */
const OPTIONS = { maxOpenFiles: 74, maxFileSize: 1024 * 1024 };

type LevelClass = new (path: string, options: object) => object;

const requireAsDynalite = createRequire(createRequire(import.meta.url).resolve("dynalite"));
const level = requireAsDynalite("level") as { Level: LevelClass };
level.Level = class extends level.Level {
  constructor(path: string, options: object) {
    super(path, { ...options, ...OPTIONS });
  }
};
