// A client of the embedded database has the rights of the role it logs in as, whichever other clients use the one session.

import { execFile, execFileSync } from "node:child_process";
import { promisify } from "node:util";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { migrateDatabase } from "../../backend/src/database/migrate.ts";
import { type PostgresPart, startPostgres } from "../index.ts";

let server: PostgresPart;
const clients: postgres.Sql[] = [];

function login(user: string, options: postgres.Options<Record<string, never>> = {}): postgres.Sql {
  const client = postgres(server.url.replace("postgres@", `${user}@`), {
    max: 2,
    onnotice: () => undefined,
    ...options,
  });
  clients.push(client);
  return client;
}

const hasPsql = (() => {
  try {
    execFileSync("psql", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false; // psql is not installed. The tests then use postgres.js as their only client.
  }
})();

beforeAll(async () => {
  server = await startPostgres();
  await migrateDatabase(server.url);
}, 60_000);

afterAll(async () => {
  await Promise.all(clients.map((client) => client.end({ timeout: 1 })));
  await server.stop();
});

const DENIED = [
  "select 1 from event",
  "select 1 from event_day",
  "select 1 from project",
  "select 1 from api_key",
  "select 1 from audit_log",
  "insert into events (project) values ('p')",
  "delete from events",
  "create table mine (a int)",
  "alter role analyst superuser",
  "set role postgres",
  "copy (select 1) to '/tmp/out'",
  "set session_replication_role to replica",
];
const ESCAPES = [
  "reset session authorization",
  "set session authorization default",
  "SET SESSION AUTHORIZATION postgres",
  "select set_config('session_authorization', 'postgres', false)",
  "do $$ begin set session authorization postgres; end $$",
];

describe("the role analyst", () => {
  test("may read the view `events` and nothing else", async () => {
    const analyst = login("analyst");
    expect(await analyst`select current_user, session_user`).toEqual([
      { current_user: "analyst", session_user: "analyst" },
    ]);
    await expect(analyst`select count(*)::int as n from events`).resolves.toEqual([{ n: 0 }]);
    for (const query of DENIED) await expect(analyst.unsafe(query), query).rejects.toMatchObject({ code: "42501" });
  });

  test("cannot become another user", async () => {
    const analyst = login("analyst");
    for (const query of ESCAPES) {
      await expect(analyst.unsafe(query), query).rejects.toMatchObject({ code: "42501" });
      await expect(analyst.unsafe(query).simple(), query).rejects.toMatchObject({ code: "42501" });
    }
    await analyst.unsafe("discard all");
    expect(await analyst`select session_user`).toEqual([{ session_user: "analyst" }]);
  });

  test("keeps its rights, and other clients keep theirs, while they take turns", async () => {
    const [analyst, owner] = [login("analyst"), login("postgres")];
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, i) => (i % 2 === 0 ? analyst : owner)`select session_user::text as login`),
    );
    expect(answers.map(([row]) => row?.["login"])).toEqual(
      answers.map((_, i) => (i % 2 === 0 ? "analyst" : "postgres")),
    );
    await owner`create table made_by_owner (a int)`;
    const inTransaction = owner.begin(async (tx) => {
      await tx`insert into made_by_owner values (1)`;
      return tx`select session_user::text as login`;
    });
    await expect(analyst`select * from made_by_owner`).rejects.toMatchObject({ code: "42501" });
    expect(await inTransaction).toEqual([{ login: "postgres" }]);
  });

  test("gets no additional rights when one of its own settings cannot be set", async () => {
    const analyst = login("analyst", { connection: { timezone: "Nowhere/Else" } });
    expect(await analyst`select session_user::text as login`).toEqual([{ login: "analyst" }]);
    await expect(analyst`select 1 from api_key`).rejects.toMatchObject({ code: "42501" });
  });

  test.skipIf(!hasPsql)("is served through psql", async () => {
    const url = server.url.replace("postgres@", "analyst@");
    const psql = (query: string) => promisify(execFile)("psql", [url, "-Atc", query]);
    expect((await psql("select current_user, count(*) from events")).stdout).toBe("analyst|0\n");
    await expect(psql("select * from api_key")).rejects.toMatchObject({
      stderr: expect.stringContaining("permission denied"),
    });
  });
});

test("a login without its own role becomes the engine's user, because the server accepts any login", async () => {
  expect(await login("somebody")`select session_user::text as login`).toEqual([{ login: "postgres" }]);
});
