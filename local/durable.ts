// Small files that must survive a power cut complete. The text is written to a second file, flushed to disk and renamed, and then
// the folder is flushed.

import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/** When the function returns, the file holds all of `text`. A reader never sees a part of the text. */
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

/**
 * The file's JSON, or undefined when there is no such file.
 * @throws when the file does not hold valid JSON.
 */
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
