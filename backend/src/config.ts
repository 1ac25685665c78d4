// Reads the typed configuration of the code that runs on AWS, once, from the environment. On AWS the default endpoints apply. On
// one machine the endpoints name the embedded services. An error names each missing or malformed value and the fix.

import * as z from "zod/mini";

const Environment = z.object({
  AWS_REGION: z._default(z.string(), "us-east-1"),
  KINESIS_ENDPOINT: z.optional(z.url()),
  DYNAMODB_ENDPOINT: z.optional(z.url()),
  S3_ENDPOINT: z.optional(z.url()),
  SNS_ENDPOINT: z.optional(z.url()),
  DATABASE_URL: z.optional(z.string().check(z.startsWith("postgres"))),
  /** The Worker's origin. The control plane pushes keys to it. */
  EDGE_URL: z.optional(z.url()),
  /** Shared by the Worker and the control plane. It authorizes calls to the Worker's internal routes. */
  INTERNAL_SECRET: z.optional(z.string().check(z.minLength(32))),
  /** Key of the HMAC under which the vault stores an id. On AWS it comes from Secrets Manager, injected at deployment. */
  VAULT_HMAC_KEY: z.optional(z.string().check(z.minLength(32))),
  /** Maximum number of database connections of a process. The embedded database has one session. */
  DATABASE_CONNECTIONS: z._default(z.coerce.number(), 4),
  /** Whether the hot tier keeps profiles of signed-in people, at the cost of a write per person in every batch. */
  HOT_PROFILES: z._default(z.enum(["on", "off"]), "off"),
});

export interface Config {
  region: string;
  kinesisEndpoint: string | undefined;
  dynamodbEndpoint: string | undefined;
  s3Endpoint: string | undefined;
  snsEndpoint: string | undefined;
  databaseUrl: string | undefined;
  databaseConnections: number;
  hotProfiles: boolean;
  edgeUrl: string | undefined;
  internalSecret: string | undefined;
  vaultHmacKey: string | undefined;
}

/** @throws Error that names each bad variable. */
export function readConfig(environment: Record<string, string | undefined> = process.env): Config {
  const present = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ""),
  );
  const parsed = Environment.safeParse(present);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
    throw new Error(`configuration: ${problems.join("; ")}`);
  }
  const env = parsed.data;
  return {
    region: env.AWS_REGION,
    kinesisEndpoint: env.KINESIS_ENDPOINT,
    dynamodbEndpoint: env.DYNAMODB_ENDPOINT,
    s3Endpoint: env.S3_ENDPOINT,
    snsEndpoint: env.SNS_ENDPOINT,
    databaseUrl: env.DATABASE_URL,
    databaseConnections: env.DATABASE_CONNECTIONS,
    hotProfiles: env.HOT_PROFILES === "on",
    edgeUrl: env.EDGE_URL,
    internalSecret: env.INTERNAL_SECRET,
    vaultHmacKey: env.VAULT_HMAC_KEY,
  };
}

/** @throws Error that names the variable to set. */
export function required<T>(value: T | undefined, variable: string): T {
  if (value === undefined) throw new Error(`configuration: set ${variable}`);
  return value;
}
