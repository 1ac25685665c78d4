/** Tests the built files: the content for a `<script>` tag, its size, and the package's exports. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createContext, runInContext } from "node:vm";
import { gzipSync } from "node:zlib";
import { build } from "tsdown";
import { afterAll, beforeAll, expect, test } from "vitest";
import configurations from "../tsdown.config.ts";

const SCRIPT_BUDGET_BYTES = 8_000;

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "analytics-bundle-"));
  for (const configuration of configurations) {
    await build({ ...configuration, config: false, cwd: packageFolder, outDir: folder, logLevel: "silent" });
  }
}, 60_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

const packageFolder = join(import.meta.dirname, "..");

test("the script defines the global Analytics and nothing else", async () => {
  const script = await readFile(join(folder, "analytics.iife.js"), "utf8");
  const page = createContext({ TextEncoder });
  runInContext(script, page);
  expect(Object.keys(page)).toEqual(["TextEncoder", "Analytics"]);
  expect(runInContext("typeof Analytics.prototype.track", page)).toBe("function");
});

test("the script stays below its budget", async () => {
  const script = await readFile(join(folder, "analytics.iife.js"));
  expect(gzipSync(script, { level: 9 }).length).toBeLessThan(SCRIPT_BUDGET_BYTES);
});

test("the module exports the class, has types and imports nothing", async () => {
  const module: object = await import(pathToFileURL(join(folder, "index.js")).href);
  expect(Object.keys(module)).toEqual(["Analytics"]);
  expect(await readFile(join(folder, "index.d.ts"), "utf8")).toContain("declare class Analytics");
  expect(await readFile(join(folder, "index.js"), "utf8")).not.toMatch(/^import /m);
});
