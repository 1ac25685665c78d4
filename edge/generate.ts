// Writes `bindings.generated.d.ts`: the Worker's bindings, variables and required secrets as `wrangler types` reads them from
// wrangler.toml. `--check` writes nothing and fails when the file is stale. Run by scripts/generate.ts.

import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const EDGE = fileURLToPath(new URL("./", import.meta.url));
const TARGET = `${EDGE}bindings.generated.d.ts`;
/** In the target's folder, because the imports in the file are relative. */
const FRESH = `${EDGE}fresh.generated.d.ts`;
const NO_VARIABLES = `${EDGE}fresh.generated.env`;
/** The rules of scripts/check/wrangler-rules.ts keep the environments alike, so all have the bindings of this environment. */
const ENVIRONMENT = "production";

function generate(): string {
  const wrangler = createRequire(import.meta.url)
    .resolve("wrangler/package.json")
    .replace("package.json", "bin/wrangler.js");
  // Without this empty file the command would add the variables of a developer's .dev.vars.
  writeFileSync(NO_VARIABLES, "");
  try {
    const flags = [
      "--include-runtime=false",
      "--strict-vars=false",
      "--env-interface=Bindings",
      `--env=${ENVIRONMENT}`,
    ];
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [wrangler, "types", FRESH, ...flags, `--env-file=${NO_VARIABLES}`, `--config=${EDGE}../wrangler.toml`],
      { encoding: "utf8", env: { ...process.env, WRANGLER_SEND_METRICS: "false" } },
    );
    if (status !== 0) throw new Error(`wrangler types ended with ${status}\n${stdout}${stderr}`);
    const text = readFileSync(FRESH, "utf8");
    // Remove the command's own line, which holds a path of this machine and a hash, and wrangler's module types at the end.
    const bindings = text.slice(text.indexOf("interface __BaseEnv"), text.indexOf("type StringifyValues"));
    return `/* eslint-disable */\n// Generated from wrangler.toml by edge/generate.ts.\n${bindings}`;
  } finally {
    for (const path of [FRESH, NO_VARIABLES]) rmSync(path, { force: true });
  }
}

const text = generate();
if (!process.argv.includes("--check")) {
  writeFileSync(TARGET, text);
} else if (readFileSync(TARGET, "utf8") !== text) {
  console.error("edge/bindings.generated.d.ts is stale: npm run generate");
  process.exitCode = 1;
}
