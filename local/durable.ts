// Small files that must survive a power cut whole: written aside, flushed, renamed, and the folder flushed.

import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/** After it returns the file holds all of `text`; at no moment does a reader see a part of it. */
export function writeDurably(path: string, text: string, mode = 0o644): void {
  const aside = `${path}.new`;
  const file = openSync(aside, "w", mode);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(aside, path);
  const folder = openSync(dirname(path), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** The file's JSON, or undefined when there is no such file. @throws when it is no JSON. */
export function readJsonFile(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw fault;
  }
  return JSON.parse(text);
}
