/** Serves the library's script file at `/sdk/analytics.js`. Builds the file first if it is missing or older than its source. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createRequire, findPackageJSON } from "node:module";
import { dirname, join } from "node:path";
import type { Plugin } from "vite";

const sdkFolder = findSdk();
const scriptFile = join(sdkFolder, "dist/analytics.iife.js");

export function sdkAsset(): Plugin {
  return {
    name: "sdk-asset",
    buildStart() {
      if (isStale()) buildSdk();
    },
    generateBundle() {
      this.emitFile({ type: "asset", fileName: "sdk/analytics.js", source: readFileSync(scriptFile) });
    },
    configureServer(server) {
      server.middlewares.use("/sdk/analytics.js", (_request, response) => {
        if (isStale()) buildSdk();
        response.setHeader("content-type", "text/javascript");
        response.end(readFileSync(scriptFile));
      });
    },
  };
}

/** Finds the package by its workspace name, because that name resolves before the package is built. */
function findSdk(): string {
  const manifest = findPackageJSON("@behaviour/analytics", import.meta.url);
  if (manifest === undefined) throw new Error("@behaviour/analytics is not installed");
  return dirname(manifest);
}

function isStale(): boolean {
  if (!existsSync(scriptFile)) return true;
  const builtAtMs = statSync(scriptFile).mtimeMs;
  const sources = readdirSync(join(sdkFolder, "src")).map((name) => join(sdkFolder, "src", name));
  return sources.some((source) => statSync(source).mtimeMs > builtAtMs);
}

function buildSdk(): void {
  const tsdown = createRequire(join(sdkFolder, "package.json")).resolve("tsdown/run");
  const built = spawnSync(process.execPath, [tsdown], { cwd: sdkFolder, encoding: "utf8" });
  if (built.status !== 0) throw new Error(`the library did not build:\n${built.stdout}${built.stderr}`);
}
