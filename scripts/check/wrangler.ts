// Checks wrangler.toml against its rules (wrangler-rules.ts), and its secrets against the table in the runbook. It is a separate
// program because wrangler needs a certain version of Node to read the file. This version is first on the PATH of the programs
// that the checks start.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { unstable_readConfig } from "wrangler";
import { ROOT } from "../run-command.ts";
import { type Environment, judgeEnvironments } from "./wrangler-rules.ts";

const CONFIG = join(ROOT, "wrangler.toml");
const RUNBOOK = "docs/OPERATIONS_RUNBOOK.md";

/** The part of wrangler's own format that is read. The package's types do not describe it. */
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
  ...untold.map((name) => `${RUNBOOK} does not list the secret ${name}`),
];
for (const finding of findings) console.log(finding);
process.exitCode = findings.length === 0 ? 0 : 1;
