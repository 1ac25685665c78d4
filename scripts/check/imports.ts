// Which file imports which file, type imports included. The compiler removes a type import, but a reader still needs both files.
// Pure. repository.ts reads the files' texts.

import { posix } from "node:path";
import type { SourceFile } from "./repository-rules.ts";

/** One import; both paths are relative to the repository. */
export interface Import {
  from: string;
  line: number;
  to: string;
}

interface Package {
  folder: string;
  /** Paths in the package by the text that follows the package's name. "." is the package itself. */
  exports: ReadonlyMap<string, string>;
}

export const CODE = /\.(?:ts|tsx)$/;
const ENDINGS = ["", ".ts", ".tsx", "/index.ts"];

/** `import … from`, `export … from`, `import "…"`, `import("…")` as a call and as a type, `/// <reference path="…" />`. */
const IMPORTS = [
  /^(?:import|export)\b[^;"'`]*?\bfrom\s+"([^"]+)"/gm,
  /^import\s+"([^"]+)"/gm,
  /\bimport\(\s*"([^"]+)"/g,
  /^\/\/\/ <reference path="([^"]+)"/gm,
];

/** Imports of files of this repository, by a relative path or by the name of a package of the workspace. */
export function findImports(files: readonly SourceFile[]): Import[] {
  const paths = new Set(files.map(({ path }) => path));
  const packages = readPackages(files);
  return files.flatMap(({ path, text }) => {
    if (!CODE.test(path)) return [];
    return IMPORTS.flatMap((pattern) => [...text.matchAll(pattern)]).flatMap((match) => {
      const [statement, specifier = ""] = match;
      const to = resolve(path, specifier, paths, packages);
      if (to === null) return [];
      return [{ from: path, line: lineOf(text, match.index + statement.lastIndexOf(specifier)), to }];
    });
  });
}

function resolve(
  from: string,
  specifier: string,
  paths: ReadonlySet<string>,
  packages: ReadonlyMap<string, Package>,
): string | null {
  if (!specifier.startsWith(".")) return resolvePackage(specifier, paths, packages);
  const [named = ""] = specifier.split("?");
  const target = posix.join(posix.dirname(from), named);
  const ending = ENDINGS.find((candidate) => paths.has(target + candidate));
  return ending === undefined ? null : target + ending;
}

function resolvePackage(
  specifier: string,
  paths: ReadonlySet<string>,
  packages: ReadonlyMap<string, Package>,
): string | null {
  const name = specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
  const found = packages.get(name);
  if (found === undefined) return null;
  const target = found.exports.get(`.${specifier.slice(name.length)}`);
  // A file that a build writes is not in the repository. The import then counts as an import of the package.
  return target !== undefined && paths.has(target) ? target : `${found.folder}/package.json`;
}

function readPackages(files: readonly SourceFile[]): Map<string, Package> {
  const packages = new Map<string, Package>();
  for (const { path, text } of files) {
    if (!path.endsWith("/package.json")) continue;
    const manifest = JSON.parse(text) as { name?: string; exports?: Record<string, unknown> };
    if (manifest.name === undefined) continue;
    const folder = posix.dirname(path);
    const exports = Object.entries(manifest.exports ?? {}).flatMap(([subpath, target]) =>
      typeof target === "string" ? [[subpath, posix.join(folder, target)] as const] : [],
    );
    packages.set(manifest.name, { folder, exports: new Map(exports) });
  }
  return packages;
}

function lineOf(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}
