// `npm run deploy -- <environment>`: checks wrangler.toml, inserts the KV namespace's id, checks that every required secret is
// set, and deploys. docs/OPERATIONS_RUNBOOK.md, "Deploy the edge", describes the other steps.

import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { judgeNamespaceId, KEYS_PLACEHOLDER } from "./check/wrangler-rules.ts";
import { ROOT, runCommand } from "./run-command.ts";

const DEADLINE_MS = 10 * 60_000;
const ENVIRONMENTS = ["staging", "production", "production-eu"];
/** Beside wrangler.toml, because the paths in it are relative to it. */
const DEPLOYED = join(ROOT, "wrangler.deployed.toml");

function fail(reason: string): never {
  console.error(reason);
  process.exit(1);
}

async function run(program: string, args: readonly string[]): Promise<void> {
  const { exitCode, problem } = await runCommand(program, args, { deadlineMs: DEADLINE_MS, output: "show" });
  if (exitCode !== 0) fail(`${program} ${args.join(" ")}: ${problem ?? `exit code ${exitCode}`}`);
}

/** Wrangler lists the names of the secrets. Nobody can read their values. */
async function requireSecrets(environment: string): Promise<void> {
  const args = ["secret", "list", "--env", environment, "--config", DEPLOYED, "--format", "json"];
  const { exitCode, output } = await runCommand("wrangler", args, { deadlineMs: DEADLINE_MS, output: "keep" });
  // Before the first deploy the Worker does not exist yet. wrangler accepts secrets for it anyway.
  if (exitCode !== 0)
    return console.warn("The secrets could not be listed. Check that every secret in the runbook's table is set.");
  const required = /\[env\.([\w-]+)\.secrets\]\s+required = \[([^\]]*)\]/g;
  const text = readFileSync(DEPLOYED, "utf8");
  const names = [...text.matchAll(required)].find(([, name]) => name === environment)?.[2] ?? "";
  const missing = [...names.matchAll(/"(\w+)"/g)]
    .map(([, name]) => name as string)
    .filter((name) => !output.includes(`"${name}"`));
  if (missing.length > 0)
    fail(`Missing secrets: ${missing.join(", ")}. wrangler secret put <name> --env ${environment}`);
}

const environment = process.argv[2] ?? "";
if (!ENVIRONMENTS.includes(environment)) fail(`Name the environment: npm run deploy -- ${ENVIRONMENTS.join(" | ")}`);
const wrong = judgeNamespaceId(process.env.KEYS_NAMESPACE_ID);
if (wrong !== null) fail(wrong);
await run("node", ["scripts/check/wrangler.ts"]);
const text = readFileSync(join(ROOT, "wrangler.toml"), "utf8");
writeFileSync(DEPLOYED, text.replaceAll(KEYS_PLACEHOLDER, process.env.KEYS_NAMESPACE_ID as string));
try {
  await requireSecrets(environment);
  await run("node", ["scripts/build-pages.ts"]);
  await run("wrangler", ["deploy", "--env", environment, "--config", DEPLOYED]);
} finally {
  rmSync(DEPLOYED, { force: true });
}
