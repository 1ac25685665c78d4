// Tests the development keys and the command line against a real database.

import { execFile } from "node:child_process";
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { hashKey, keyRecordName, parseKey } from "@behaviour/contract";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readConfig } from "../../src/config.ts";
import { seed } from "../../src/projects/seed.ts";
import { openWarehouse, type Warehouse } from "../query/warehouse.ts";

const CLI = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const SECRET = "an internal secret of some length, for the test";
let folder: string;
let warehouse: Warehouse;
let edge: Server;
const told: { authorization: string | undefined; body: any }[] = [];
let edgeStatus = 200;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "seed-"));
  warehouse = await openWarehouse();
  edge = createServer(async (request, response) => {
    let text = "";
    for await (const part of request) text += part;
    told.push({ authorization: request.headers.authorization, body: JSON.parse(text) });
    response.writeHead(edgeStatus).end("{}");
  });
  await new Promise<void>((resolve) => edge.listen(0, "127.0.0.1", resolve));
}, 60_000);
afterAll(async () => {
  edge.close();
  await warehouse.stop();
  await rm(folder, { recursive: true, force: true });
});

function pipeline(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = {
    PATH: process.env.PATH,
    DATABASE_URL: warehouse.url,
    EDGE_URL: `http://127.0.0.1:${(edge.address() as AddressInfo).port}`,
    INTERNAL_SECRET: SECRET,
  };
  return new Promise((resolve) => {
    execFile(process.execPath, [CLI, ...args], { env, cwd: folder }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr }),
    );
  });
}

it("seeds once, keeps the keys, and restores them in an emptied database", async () => {
  const keysFile = join(folder, "data", "dev-keys.json");
  const config = readConfig({ DATABASE_URL: warehouse.url, DATABASE_CONNECTIONS: "1" });
  const keys = await seed(config, { keysFile });
  expect([parseKey(keys.publicKey), parseKey(keys.secretKey)]).toEqual([
    { kind: "public", environment: "live" },
    { kind: "secret", environment: "live" },
  ]);
  expect(JSON.parse(await readFile(keysFile, "utf8"))).toEqual(keys);
  expect((await stat(keysFile)).mode & 0o777).toBe(0o600);
  expect(await readdir(join(folder, "data"))).toEqual(["dev-keys.json"]);

  expect(await seed(config, { keysFile })).toEqual(keys);
  const count = async () => (await warehouse.sql`select 1 from api_key`).length;
  expect(await count()).toBe(2);

  await warehouse.sql`delete from api_key`;
  await warehouse.sql`delete from project`;
  await chmod(keysFile, 0o644);
  expect(await seed(config, { keysFile })).toEqual(keys);
  expect(await count()).toBe(2);
  expect((await stat(keysFile)).mode & 0o777).toBe(0o600);
  const record = (await (await warehouse.app.request(`/internal/keys/${hashKey(keys.secretKey)}`)).json()) as object;
  expect(record).toMatchObject({
    project: keys.project,
    scopes: ["write", "consent", "read", "admin", "privacy"],
    origins: [],
    rateLimit: 100_000,
  });
  const [project] = await warehouse.sql`select settings from project where id = ${keys.project}`;
  expect(project?.settings).toMatchObject({ consentRegime: "opt-out" });

  await writeFile(keysFile, "{");
  await expect(seed(config, { keysFile })).rejects.toThrow("dev-keys.json");
  expect(await readFile(keysFile, "utf8")).toBe("{");
}, 30_000);

it("offers the admin routes' operations on the command line, and pushes to the edge", async () => {
  const made = await pipeline("projects", "create", "--name", "From the terminal", "--settings", '{"rateLimit":7}');
  expect(made.stderr).toBe("");
  const project = JSON.parse(made.stdout);
  const listed = JSON.parse((await pipeline("projects", "list")).stdout) as { id: string }[];
  expect(listed.map(({ id }) => id)).toContain(project.id);

  const key = JSON.parse(
    (await pipeline("keys", "create", "--project", project.id, "--kind", "public", "--origin", "https://a.example.com"))
      .stdout,
  );
  expect(told.at(-1)).toMatchObject({
    authorization: `Bearer ${SECRET}`,
    body: {
      records: [
        {
          name: keyRecordName(hashKey(key.key)),
          value: { id: key.id, origins: ["https://a.example.com"], rateLimit: 7 },
        },
      ],
    },
  });
  const revoked = JSON.parse((await pipeline("keys", "revoke", key.id)).stdout);
  expect(revoked.revokedAt).toEqual(expect.any(String));

  edgeStatus = 403;
  const untold = await pipeline("keys", "push");
  expect([untold.code, untold.stderr]).toEqual([1, expect.stringContaining("the edge answered 403")]);
  edgeStatus = 200;
  const before = told.length;
  const pushed = await pipeline("keys", "push", "--project", project.id);
  expect([pushed.code, JSON.parse(pushed.stdout)]).toEqual([0, { pushed: 1 }]);
  expect(told.slice(before)[0]?.body.records).toHaveLength(1);
  const [last] =
    await warehouse.sql`select actor, action from audit_log where project = ${project.id} order by id desc`;
  expect(last).toEqual({ actor: "cli", action: "keys.revoke" });
}, 30_000);

it.each([
  [["--help"], 0, ""],
  [["projects", "destroy"], 2, "there is no command"],
  [["projects", "create"], 2, "/name"],
  [["keys", "create", "--project", "p_x", "--kind", "public", "--cidr", "10.0.0.0/99"], 2, "/cidrs/0"],
  [["keys", "create", "--colour", "red"], 2, "--colour"],
  [["keys", "rotate"], 2, "<id>"],
  [["keys", "revoke", "k_nothing"], 1, "there is no key k_nothing"],
])(
  "explains the error in %j",
  async (args, code, message) => {
    const result = await pipeline(...args);
    expect([result.code, result.stderr]).toEqual([code, expect.stringContaining(message)]);
  },
  30_000,
);
