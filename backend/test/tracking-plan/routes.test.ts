// Tests the plan through its route, from Postgres to the item that the processor reads, and the files and commands of a user.

import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type EmbeddedAws, provisionAws, startAws } from "../../../local/index.ts";
import { dynamodbClient } from "../../src/aws.ts";
import { readConfig } from "../../src/config.ts";
import { createProject } from "../../src/projects/projects.ts";
import { PublishedPlans } from "../../src/tracking-plan/published.ts";
import { openWarehouse, PROJECT, type Warehouse } from "../query/warehouse.ts";
import { PLAN } from "./sample.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

const CLI = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

let aws: EmbeddedAws;
let warehouse: Warehouse;
let published: PublishedPlans;
let environment: Record<string, string>;
let folder: string;
let down = false;
beforeAll(async () => {
  aws = await startAws({ parts: ["dynamodb", "s3", "kinesis"] });
  environment = {
    KINESIS_ENDPOINT: aws.kinesis,
    DYNAMODB_ENDPOINT: aws.dynamodb,
    S3_ENDPOINT: aws.s3,
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
  };
  Object.assign(process.env, environment);
  const config = readConfig(environment);
  await provisionAws(config);
  published = new PublishedPlans(dynamodbClient(config));
  warehouse = await openWarehouse({
    plans: {
      publish: async (project, plan) => {
        if (down) throw new Error("DynamoDB does not answer");
        await published.publish(project, plan);
      },
    },
  });
  await createProject(warehouse.parts.database, { name: "Operator" }, null, PROJECT);
  folder = await mkdtemp(join(tmpdir(), "plans-"));
});
afterAll(async () => {
  await warehouse?.stop();
  await aws?.stop();
  await rm(folder, { recursive: true, force: true });
});

const PATH = "/v1/admin/tracking-plan";
const get = async (query = "", headers = {}) => (await warehouse.get(`${PATH}${query}`, headers)).body.data;
const EMPTY = { type: "object", properties: {} };

describe("the route", () => {
  it("reports that there is no plan yet", async () => {
    expect(await get()).toEqual({
      version: 0,
      mode: "off",
      unknownEvents: "allow",
      events: [],
      createdAt: null,
      createdBy: null,
    });
    expect((await warehouse.get(`${PATH}?version=1`)).status).toBe(404);
  });

  it("stores immutable versions, and publishes the newest", async () => {
    const first = await warehouse.send("PUT", PATH, PLAN);
    expect([first.status, first.body]).toMatchObject([
      200,
      { data: { version: 1, created: true, mode: "quarantine", events: PLAN.events.length }, propagated: true },
    ]);
    expect(await published.read(PROJECT)).toEqual({ version: 1, plan: PLAN });
    const again = await warehouse.send("POST", PATH, { ...PLAN, baseVersion: 0 });
    expect(again.body.data).toMatchObject({ version: 1, created: false, changes: [] });

    const fewer = { ...PLAN, events: PLAN.events.slice(1), baseVersion: 1 };
    const second = await warehouse.send("PUT", PATH, fewer);
    expect(second.body.data).toMatchObject({
      version: 2,
      created: true,
      changes: [{ change: "removed", breaking: true }],
    });
    expect(await get("?version=1")).toMatchObject({ version: 1, createdBy: "k_test", events: PLAN.events });
    // A pull returns the plan that was pushed, in the order in which it was written.
    expect(JSON.stringify((await get("?version=1")).events)).toBe(JSON.stringify(PLAN.events));
    const late = await warehouse.send("PUT", PATH, { ...PLAN, baseVersion: 1 });
    expect([late.status, late.body.code, late.body.pointer]).toEqual([409, "conflicting_request", "/baseVersion"]);
  });

  it("changes only the settings", async () => {
    const strict = await warehouse.send("PATCH", PATH, { mode: "warn", unknownEvents: "quarantine" });
    expect([strict.status, strict.body.pointer]).toEqual([400, "/unknownEvents"]);
    const warned = await warehouse.send("PATCH", PATH, { mode: "warn" });
    expect(warned.body.data).toMatchObject({
      version: 3,
      mode: "warn",
      unknownEvents: "warn",
      events: PLAN.events.length - 1,
    });
    expect(await published.read(PROJECT)).toMatchObject({ version: 3, plan: { mode: "warn" } });
  });

  it("reports a failed publication, and publishes the plan when it is pushed again", async () => {
    const plan = { mode: "warn", events: [{ event: "A", schema: EMPTY }] };
    down = true;
    const told = await warehouse.send("PUT", PATH, plan);
    expect([told.status, told.body.propagated, told.body.data.version]).toEqual([200, false, 4]);
    down = false;
    expect(await published.read(PROJECT)).toMatchObject({ version: 3 });
    const again = await warehouse.send("PUT", PATH, plan);
    expect([again.body.propagated, again.body.data.created]).toEqual([true, false]);
    expect(await published.read(PROJECT)).toMatchObject({ version: 4 });
  });

  it("never replaces a newer version by an older one", async () => {
    await published.publish(PROJECT, { version: 2, plan: PLAN });
    expect(await published.read(PROJECT)).toMatchObject({ version: 4 });
  });

  it("refuses an invalid plan with a pointer", async () => {
    const bad = await warehouse.send("PUT", PATH, {
      mode: "warn",
      events: [{ event: "A", schema: { type: "object", properties: { a: { $ref: "https://evil.example" } } } }],
    });
    expect([bad.status, bad.body.code, bad.body.pointer]).toEqual([
      400,
      "invalid_parameter",
      "/events/0/schema/properties/a/$ref",
    ]);
    expect((await warehouse.send("PUT", PATH, "[]")).status).toBe(400);
    expect((await warehouse.send("PUT", PATH, { mode: "warn", events: [], pad: "x".repeat(3_000_000) })).status).toBe(
      413,
    );
    expect((await warehouse.send("DELETE", PATH)).status).toBe(405);
  });

  it("requires the scope and access to the project", async () => {
    const { body } = await warehouse.send("POST", "/v1/admin/projects", { name: "Tenant" });
    const tenant = body.data.id as string;
    expect((await warehouse.get(PATH, { "x-scopes": "read" })).status).toBe(403);
    expect((await warehouse.send("PUT", PATH, { ...PLAN, projectId: tenant })).body.data.version).toBe(1);
    expect(await get("", { "x-project": tenant })).toMatchObject({ version: 1 });
    expect((await warehouse.get(`${PATH}?projectId=${PROJECT}`, { "x-project": tenant })).status).toBe(404);
    expect((await warehouse.send("PUT", PATH, { ...PLAN, projectId: PROJECT }, { "x-project": tenant })).status).toBe(
      404,
    );
    const audited = await warehouse.sql`select action from audit_log where action like 'tracking-plan%'`;
    expect(audited.map((row) => row["action"])).toContain("tracking-plan.push");
  });
});

describe("the command line", () => {
  interface Ran {
    code: number;
    printed: any;
    stderr: string;
  }

  const run = (args: readonly string[], more: Record<string, string> = {}): Promise<Ran> =>
    new Promise((resolve) => {
      const env = { PATH: process.env["PATH"] ?? "", ...environment, DATABASE_URL: warehouse.url, ...more };
      execFile(process.execPath, [CLI, ...args], { cwd: folder, env, timeout: 60_000 }, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
        resolve({ code, printed: stdout.startsWith("{") ? JSON.parse(stdout) : stdout, stderr });
      });
    });

  const dir = () => join(folder, "plan");
  const change = async (file: string, edit: (value: any) => void) => {
    const value = JSON.parse(await readFile(join(dir(), file), "utf8"));
    edit(value);
    await writeFile(join(dir(), file), JSON.stringify(value));
  };

  it("pulls, checks and pushes, and refuses changes that break events", async () => {
    await warehouse.send("PUT", PATH, PLAN);
    const { version } = await get();
    const pulled = await run(["plan", "pull", "plan", "--project", PROJECT]);
    expect([pulled.code, pulled.printed.version], pulled.stderr).toEqual([0, version]);
    expect((await readdir(dir())).toSorted()).toEqual([
      "analytics.json",
      "grosse-gewahlt-u002a.json",
      "group.json",
      "identify.json",
      "order-completed-v2.json",
      "order-completed.json",
      "page-checkout.json",
      "page.json",
      "plan.json",
      "screen-home.json",
      "search.json",
    ]);

    const same = await run(["plan", "check", "plan", "--project", PROJECT]);
    expect([same.code, same.printed]).toMatchObject([0, { valid: true, upToDate: true, breaking: false, changes: [] }]);

    await change("search.json", (event) => (event.schema.properties.page = { type: "integer" }));
    const pushed = await run(["plan", "push", "plan", "--project", PROJECT]);
    expect([pushed.code, pushed.printed], pushed.stderr).toMatchObject([0, { pushed: true, version: version + 1 }]);
    expect(JSON.parse(await readFile(join(dir(), "plan.json"), "utf8"))).toMatchObject({
      version: version + 1,
      mode: "quarantine",
    });
    expect(await published.read(PROJECT)).toMatchObject({ version: version + 1 });

    await change("search.json", (event) => (event.schema.required = ["query"]));
    const checked = await run(["plan", "check", "plan", "--project", PROJECT]);
    expect([checked.code, checked.printed.breaking]).toEqual([1, true]);
    const refused = await run(["plan", "push", "plan", "--project", PROJECT]);
    expect([refused.code, refused.printed.pushed]).toEqual([1, false]);
    const forced = await run(["plan", "push", "plan", "--project", PROJECT, "--allow-breaking"]);
    expect([forced.code, forced.printed.version], forced.stderr).toEqual([0, version + 2]);
    const audited =
      await warehouse.sql`select actor from audit_log where action = 'tracking-plan.push' and actor = 'cli'`;
    expect(audited.length).toBe(2);
  });

  it("does not overwrite the push of another person", async () => {
    await warehouse.send("PATCH", PATH, { unknownEvents: "allow" });
    await change("search.json", (event) => delete event.schema.required);
    const late = await run(["plan", "push", "plan", "--project", PROJECT]);
    expect([late.code, late.stderr]).toEqual([1, expect.stringContaining("pull first")]);
  });

  it("validates files and generates code without a server", async () => {
    const alone = { DATABASE_URL: "", DYNAMODB_ENDPOINT: "" };
    const good = await run(["plan", "check", "plan", "--offline"], alone);
    expect([good.code, good.printed], good.stderr).toMatchObject([0, { valid: true, mode: "quarantine" }]);
    const code = await run(["plan", "codegen", "plan", "--language", "python", "--out", "code"], alone);
    expect([code.code, code.printed.files]).toEqual([0, ["tracking_plan.py"]]);
    expect(await readFile(join(folder, "code/tracking_plan.py"), "utf8")).toContain("def track_order_completed(");

    await change("search.json", (event) => (event.schema.properties.query.pattern = "(?=x)"));
    const bad = await run(["plan", "check", "plan", "--offline"], alone);
    expect([bad.code, bad.stderr]).toEqual([
      1,
      expect.stringContaining("search.json: /schema/properties/query/pattern"),
    ]);
    expect((await run(["plan", "codegen", "--language", "cobol", "--out", "x"], alone)).code).toBe(2);
    expect((await run(["plan", "check", "nowhere", "--offline"], alone)).code).toBe(1);
  });
});
