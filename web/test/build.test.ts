/** Tests that the built pages are small and obey their content security policy. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";

const SCRIPT_BUDGET_BYTES = 60_000;

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "dashboard-build-"));
  const root = join(import.meta.dirname, "..");
  const configFile = join(root, "vite.config.ts");
  await build({ root, configFile, logLevel: "error", build: { outDir: folder, emptyOutDir: true } });
}, 60_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

test.each(["index.html", "demo.html", "docs.html"])(
  "%s: all its scripts together stay below the budget",
  async (page) => {
    const html = await readFile(join(folder, page), "utf8");
    const scripts = [...html.matchAll(/(?:src|href)="\/([^"]+\.js)"/g)].map((match) => match[1] ?? "");
    expect(scripts.length).toBeGreaterThan(0);
    const sizes = await Promise.all(scripts.map(async (name) => gzipSync(await readFile(join(folder, name))).length));
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(SCRIPT_BUDGET_BYTES);
  },
);

test.each(["index.html", "demo.html", "docs.html"])("%s: nothing inline, nothing from elsewhere", async (page) => {
  const html = await readFile(join(folder, page), "utf8");
  expect(html).not.toMatch(/<script(?![^>]*\ssrc=)/);
  expect(html).not.toMatch(/<style|\sstyle=|\son\w+=/);
  expect(html).not.toMatch(/(?:src|href)="(?!\/)/);
});

test("style sheets load nothing", async () => {
  const names = await readdir(join(folder, "assets"));
  for (const name of names.filter((candidate) => candidate.endsWith(".css"))) {
    expect(await readFile(join(folder, "assets", name), "utf8")).not.toMatch(/url\(|@import/);
  }
});

test("the library stands where the demo and the README say", async () => {
  expect(await readFile(join(folder, "sdk/analytics.js"), "utf8")).toContain("Analytics");
  expect(await readFile(join(folder, "demo.html"), "utf8")).toContain('src="/sdk/analytics.js"');
});
