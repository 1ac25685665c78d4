// Rules that wrangler.toml must keep in every environment. No test on one machine can find a violation, because only Cloudflare
// applies these settings. Pure: takes the result of wrangler's own parser.

/** The part of an environment that the rules read. */
export interface Environment {
  /** Null for the settings above the environments. */
  name: string | null;
  observability?: { enabled?: boolean; head_sampling_rate?: number; logs?: { invocation_logs?: boolean } };
  limits?: { cpu_ms?: number };
  workersDev?: boolean;
  previewUrls?: boolean;
  uploadSourceMaps?: boolean;
  objects: readonly { name: string; className: string }[];
  migratedClasses: readonly string[];
  kvIds: readonly string[];
  requiredSecrets: readonly string[];
  vars: readonly string[];
  crons: readonly string[];
}

/** The value in wrangler.toml until `npm run deploy` writes the namespace's id. */
export const KEYS_PLACEHOLDER = "set-by-npm-run-deploy";
const NAMESPACE_ID = /^[0-9a-f]{32}$/;
/** The default is 30,000. A hostile body could use that much CPU time. */
const CPU_MS_MAX = 1_000;

export function judgeEnvironments(environments: readonly Environment[]): string[] {
  const [local, ...deployed] = environments;
  if (local === undefined || deployed.length === 0) return ["wrangler.toml names no environment to deploy"];
  return [
    ...environments.flatMap((environment) =>
      judgeOne(environment).map((finding) => `${nameOf(environment)}: ${finding}`),
    ),
    ...deployed.flatMap((environment) =>
      compare(environment, local).map((finding) => `${nameOf(environment)}: ${finding}`),
    ),
    ...deployed.flatMap((environment) =>
      judgeDeployed(environment).map((finding) => `${nameOf(environment)}: ${finding}`),
    ),
  ];
}

function judgeOne({ observability, limits, objects, migratedClasses, crons }: Environment): string[] {
  const cpuMs = limits?.cpu_ms;
  return [
    ...when(
      observability?.logs?.invocation_logs !== false,
      "invocation logs are on: they hold URLs, headers and addresses",
    ),
    ...when(observability?.head_sampling_rate === undefined, "no head_sampling_rate"),
    ...when(cpuMs === undefined || cpuMs <= 0 || cpuMs > CPU_MS_MAX, `limits.cpu_ms is not from 1 to ${CPU_MS_MAX}`),
    ...when(crons.length === 0, "no cron: nothing starts the sweeper"),
    ...objects
      .filter(({ className }) => !migratedClasses.includes(className))
      .map(({ className }) => `no migration creates the class ${className}`),
    ...migratedClasses
      .filter((made) => !objects.some(({ className }) => className === made))
      .map((made) => `the class ${made} has no binding`),
  ];
}

function judgeDeployed(environment: Environment): string[] {
  const { kvIds, workersDev, previewUrls, uploadSourceMaps, requiredSecrets } = environment;
  return [
    ...when(workersDev !== false, "workers_dev is on: this address bypasses the zone's rules"),
    ...when(previewUrls !== false, "preview_urls are on: these addresses bypass the zone's rules"),
    ...when(uploadSourceMaps !== true, "upload_source_maps is off: no stack can be read"),
    ...when(requiredSecrets.length === 0, "no list of required secrets"),
    ...kvIds
      .filter((id) => id !== KEYS_PLACEHOLDER && !NAMESPACE_ID.test(id))
      .map((id) => `"${id}" is not the id of a KV namespace`),
  ];
}

/**
 * Environments inherit only crons and a few similar settings. A setting that is missing in one environment is missing only there.
 */
function compare(environment: Environment, local: Environment): string[] {
  const bindings = ({ objects }: Environment) => objects.map(({ name, className }) => `${name} = ${className}`);
  return [
    ...difference(bindings(local), bindings(environment), "durable object"),
    ...difference(local.vars, environment.vars, "var"),
    ...when(local.kvIds.length !== environment.kvIds.length, "a different number of KV namespaces"),
  ];
}

/** The finding if a deployment lacks the namespace's id or has an invalid id. */
export function judgeNamespaceId(id: string | undefined): string | null {
  if (id !== undefined && NAMESPACE_ID.test(id)) return null;
  return "KEYS_NAMESPACE_ID is not the id of a KV namespace (32 hexadecimal digits): copy it from `terraform output`";
}

function difference(expected: readonly string[], found: readonly string[], what: string): string[] {
  return [
    ...expected.filter((name) => !found.includes(name)).map((name) => `${what} ${name} is missing`),
    ...found.filter((name) => !expected.includes(name)).map((name) => `${what} ${name} exists only here`),
  ];
}

function when(isWrong: boolean, finding: string): string[] {
  return isWrong ? [finding] : [];
}

function nameOf({ name }: Environment): string {
  return name === null ? "wrangler.toml" : `wrangler.toml, ${name}`;
}
