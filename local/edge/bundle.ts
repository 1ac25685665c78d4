// Bundles the Worker in the same way as wrangler: as one ES module, with the runtime's own modules left outside.

import { fileURLToPath } from "node:url";
import { build, stop } from "esbuild";

const ENTRY = fileURLToPath(new URL("../../edge/src/worker.ts", import.meta.url));

export async function bundleWorker(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [ENTRY],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2024",
    platform: "browser",
    conditions: ["workerd", "worker", "import"],
    mainFields: ["module", "main"],
    external: ["node:*", "cloudflare:*"],
    logLevel: "error",
  });
  // The build service would otherwise stay in memory with 60 MB and wait for builds that never come.
  await stop();
  const bundle = outputFiles[0];
  if (bundle === undefined) throw new Error("the Worker's bundle is empty");
  return bundle.text;
}
