// Holds wrangler.toml to its rules (wrangler-rules.ts), and its secrets to the runbook's table. A program of its own: reading
// the file as wrangler reads it takes the Node that wrangler wants, which is first on the PATH of what the checks start.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { unstable_readConfig } from "wrangler";
import { ROOT } from "../run-command.ts";
import { type Environment, judgeEnvironments } from "./wrangler-rules.ts";

const CONFIG = join(ROOT, "wrangler.toml");
const RUNBOOK = "docs/OPERATIONS_RUNBOOK.md";

/** As much of wrangler's own form as is read; its package's types leave it open. */
interface WranglerConfig {
  observability?: Environment["observability"];
  limits?: Environment["limits"];
  workers_dev?: boolean;
  preview_urls?: boolean;
  upload_source_maps?: boolean;
  durable_objects: { bindings: { name: string; class_name: string }[] };
  migrations: { new_sqlite_classes?: string[] }[];
  kv_namespaces: { id?: string }[];
  secrets?: { required?: string[] };
  vars: Record<string, unknown>;
  triggers: { crons?: string[] };
  definedEnvironments?: string[];
}

function read(name: string | null): { environment: Environment; others: readonly string[] } {
  const config = unstable_readConfig(
    { config: CONFIG, ...(name === null ? {} : { env: name }) },
    { hideWarnings: true },
  ) as WranglerConfig;
  const environment: Environment = {
    name,
    ...(config.observability === undefined ? {} : { observability: config.observability }),
    ...(config.limits === undefined ? {} : { limits: config.limits }),
    ...(config.workers_dev === undefined ? {} : { workersDev: config.workers_dev }),
    ...(config.preview_urls === undefined ? {} : { previewUrls: config.preview_urls }),
    ...(config.upload_source_maps === undefined ? {} : { uploadSourceMaps: config.upload_source_maps }),
    objects: config.durable_objects.bindings.map((binding) => ({ name: binding.name, className: binding.class_name })),
    migratedClasses: config.migrations.flatMap((migration) => migration.new_sqlite_classes ?? []),
    kvIds: config.kv_namespaces.map(({ id }) => id ?? ""),
    requiredSecrets: config.secrets?.required ?? [],
    vars: Object.keys(config.vars),
    crons: config.triggers.crons ?? [],
  };
  return { environment, others: config.definedEnvironments ?? [] };
}

const { environment: local, others } = read(null);
const environments = [local, ...others.map((name) => read(name).environment)];
const runbook = readFileSync(join(ROOT, RUNBOOK), "utf8");
const secrets = new Set(environments.flatMap(({ requiredSecrets }) => requiredSecrets));
const untold = [...secrets].filter((name) => !runbook.includes(`\`${name}\``));
const findings = [
  ...judgeEnvironments(environments),
  ...untold.map((name) => `${RUNBOOK} does not tell of the secret ${name}`),
];
for (const finding of findings) console.log(finding);
process.exitCode = findings.length === 0 ? 0 : 1;
