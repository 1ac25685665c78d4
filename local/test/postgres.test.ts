// The wire server in front of the embedded database, tested with real clients: postgres.js pools, drizzle, psql, raw sockets.

import { execFile, execFileSync } from "node:child_process";
import { connect, type Socket } from "node:net";
import { promisify } from "node:util";
import { sql as text } from "drizzle-orm";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type PostgresPart, startPostgres } from "../index.ts";
import { cString, engineCalls, errorResponse, FrameReader, message, query, SYNC } from "../postgres/messages.ts";

let server: PostgresPart;
const pools: postgres.Sql[] = [];

function pool(max = 4, url = server.url): postgres.Sql {
  const made = postgres(url, { max, onnotice: () => undefined });
  pools.push(made);
  return made;
}

beforeAll(async () => {
  server = await startPostgres({ idleInTransactionMs: 300, jobIntervalMs: 100 });
}, 30_000);

afterAll(async () => {
  await Promise.all(pools.map((made) => made.end({ timeout: 1 })));
  await server.stop();
});

describe("messages of any length", () => {
  // The engine reads 8,192 bytes at a time. It used to ignore the input after a message that ended at this boundary, and a
  // transaction hung.
  test("are answered completely, errors included", async () => {
    const sql = pool(1);
    for (let length = 8_120; length < 8_200; length++) {
      const [row] = await sql`select length(${"a".repeat(length)}::text) as n`;
      expect(row?.["n"]).toBe(length);
    }
    for (let length = 8_120; length < 8_200; length++) {
      await expect(sql`select ${`1${" ".repeat(length)}x`}::text::int as n`).rejects.toThrow("invalid input syntax");
    }
    const [row] = await sql`select 1 as n`;
    expect(row?.["n"]).toBe(1);
  });

  test("a copy is never split", () => {
    const copied = message("d", Buffer.alloc(8_192 - query("copy t from stdin").length - 5));
    const whole = Buffer.concat([query("copy t from stdin"), copied, message("c")]);
    expect(engineCalls(whole)).toEqual([whole]);
  });
});

describe("pools", () => {
  test("two pools prepare statements of the same names in parallel", async () => {
    const [a, b] = [pool(), pool()];
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, i) =>
        i % 2 === 0 ? a`select ${i}::int as n, 'a' as p` : b`select ${i}::int as n, 'b' as p`,
      ),
    );
    expect(answers.map(([row]) => row?.n)).toEqual(Array.from({ length: 200 }, (_, i) => i));
    expect(answers.every(([row], i) => row?.p === (i % 2 === 0 ? "a" : "b"))).toBe(true);
  });

  test("transactions of several connections do not see each other's uncommitted work", async () => {
    const [a, b] = [pool(), pool()];
    await a`create table accounts (id int primary key, amount int)`;
    await a`insert into accounts values (1, 0)`;
    const add = (client: postgres.Sql) =>
      client.begin(async (tx) => {
        const [row] = await tx`select amount from accounts where id = 1`;
        await tx`update accounts set amount = ${(row?.amount as number) + 1} where id = 1`;
      });
    await Promise.all(Array.from({ length: 30 }, (_, i) => add(i % 2 === 0 ? a : b)));
    expect(await b`select amount from accounts`).toEqual([{ amount: 30 }]);
  });

  test("an error fails only its own query, and a failed transaction leaves nothing", async () => {
    const client = pool(1);
    await client`create table kept (n int)`;
    await expect(client`select ${"x"}::int`).rejects.toThrow("invalid input syntax");
    await expect(
      client.begin(async (tx) => {
        await tx`insert into kept values (1)`;
        await tx`select nothing from nowhere`;
      }),
    ).rejects.toThrow("does not exist");
    expect(await client`select count(*)::int as n from kept`).toEqual([{ n: 0 }]);
  });

  test("TimescaleDB is present, and unnest inserts a large batch", async () => {
    const client = pool(1);
    await client`create table readings (id text, time timestamptz not null, body jsonb, unique (id, time))`;
    await client`select create_hypertable('readings', 'time')`;
    const ids = Array.from({ length: 5_000 }, (_, i) => `id-${i}`);
    const times = ids.map((_, i) => new Date(1_760_000_000_000 + i).toISOString());
    const bodies = ids.map((id) => JSON.stringify({ id, pad: "x".repeat(200) }));
    const insert = () => client`insert into readings
      select * from unnest(${ids}::text[], ${times}::text[]::timestamptz[], ${bodies}::text[]::jsonb[]) on conflict do nothing`;
    expect((await insert()).count).toBe(5_000);
    expect((await insert()).count).toBe(0);
  });

  test("drizzle works", async () => {
    const rows = await drizzle(pool(2)).execute(text`select ${7}::int as seven`);
    expect(rows[0]).toEqual({ seven: 7 });
  });
});

test("a table that grew gets statistics, without which the planner chooses wrong indexes", async () => {
  const client = pool(1);
  await client`create table grew as select i, md5(i::text) as t from generate_series(1, 5000) i`;
  const tuples = () => client<{ n: number }[]>`select reltuples::int as n from pg_class where relname = 'grew'`;
  await vi.waitFor(async () => expect(await tuples()).toEqual([{ n: 5_000 }]), { timeout: 4_000, interval: 50 });
});

describe("one session for all connections", () => {
  test("a connection's settings apply to that connection only", async () => {
    const tokyo = postgres(server.url, { max: 1, connection: { TimeZone: "Asia/Tokyo" } });
    const other = pool(1);
    pools.push(tokyo);
    await other.unsafe("set timezone to 'Europe/Berlin'");
    const zones = async (client: postgres.Sql) => (await client`show timezone`)[0]?.TimeZone as string;
    for (let i = 0; i < 3; i++) {
      expect(await zones(tokyo)).toBe("Asia/Tokyo");
      expect(await zones(other)).toBe("Europe/Berlin");
      expect(await zones(pool(1))).toBe("GMT");
    }
  });

  test("DISCARD ALL and DEALLOCATE ALL do not affect other connections' statements", async () => {
    const [a, b] = [pool(1), pool(1)];
    const ask = () => a`select ${1}::int as one`;
    await ask();
    await b.unsafe("discard all");
    await b.unsafe("deallocate all");
    expect(await ask()).toEqual([{ one: 1 }]);
  });

  test("the transaction of a client that disappears is rolled back", async () => {
    const watcher = pool(1);
    await watcher`create table ghosts (n int)`;
    const ghost = await Client.open(server.url);
    await ghost.ask(query("begin; insert into ghosts values (1)"));
    ghost.socket.destroy();
    expect(await watcher`select count(*)::int as n from ghosts`).toEqual([{ n: 0 }]);
  });

  test("a client that keeps a silent transaction open while others wait is disconnected", async () => {
    const sitter = await Client.open(server.url);
    await sitter.ask(query("begin; create table sat (n int)"));
    // New clients must not restart the timer.
    const newcomers: Promise<postgres.RowList<postgres.Row[]>>[] = [];
    const arrivals = setInterval(() => newcomers.push(pool(1)`select 3 as n`), 100);
    const others = await Promise.all([pool(1)`select 1 as n`, pool(1)`select 2 as n`]);
    clearInterval(arrivals);
    await Promise.all(newcomers);
    expect(others.map(([row]) => row?.n)).toEqual([1, 2]);
    expect(await sitter.closed()).toContain("25P03");
    await expect(pool(1)`select * from sat`).rejects.toThrow("does not exist");
  });

  test("an unnamed statement survives other connections' turns between Parse and Bind", async () => {
    const client = await Client.open(server.url);
    await client.ask(message("P", "", "select 'mine' as whose", Buffer.from([0, 0])), SYNC);
    await pool(1).unsafe("select 'theirs' as whose");
    const other = await Client.open(server.url);
    await other.ask(message("P", "", "select 'other'", Buffer.from([0, 0])), SYNC);
    const bind = message("B", "", "", Buffer.from([0, 0, 0, 0, 0, 0]));
    const answer = await client.ask(bind, message("E", "", Buffer.from([0, 0, 0, 0])), SYNC);
    expect(answer).toContain("mine");
    // BindComplete comes first: the answer to the repeated Parse is not shown.
    expect(answer.startsWith("2")).toBe(true);
    client.socket.destroy();
    other.socket.destroy();
  });

  test("a waiting query can be cancelled, and a malformed message closes its sender's connection", async () => {
    const holder = await Client.open(server.url);
    await holder.ask(query("begin"));
    const waiting = await Client.open(server.url);
    const answer = waiting.ask(query("select 1"));
    await Client.cancel(server.url, waiting.backendKey);
    expect(await answer).toContain("57014");
    await holder.ask(query("rollback"));
    holder.socket.write(Buffer.from([0x51, 0xff, 0xff, 0xff, 0xff]));
    expect(await holder.closed()).toContain("08P01");
    waiting.socket.destroy();
  });

  test("COPY FROM STDIN is accepted as a whole, and is refused where it would end the engine", async () => {
    const client = await Client.open(server.url);
    await client.ask(query("create table copied (n int)"));
    client.socket.write(query("copy copied from stdin"));
    const answer = await client.ask(message("d", Buffer.from("1\n2\n")), message("c"));
    expect(answer).toContain("COPY 2");
    expect(await client.ask(query("select 1; copy copied from stdin"))).toContain("0A000");
    client.socket.destroy();
  });
});

const hasPsql = (() => {
  try {
    execFileSync("psql", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

test.skipIf(!hasPsql)("psql connects, describes, and prepares", async () => {
  const run = promisify(execFile);
  const { stdout } = await run("psql", [
    server.url,
    "-XAt",
    "-c",
    "prepare p as select 41 + 1",
    "-c",
    "execute p",
    "-c",
    "\\dt",
  ]);
  expect(stdout).toContain("42");
});

test("messages are cut from chunks of any size", () => {
  const bytes = Buffer.concat([query("select 1"), SYNC, errorResponse("ERROR", "XX000", "é")]);
  for (const size of [1, 2, 7, bytes.length]) {
    const reader = new FrameReader();
    const types: string[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      reader.push(bytes.subarray(at, at + size));
      for (let frame = reader.next(true); frame !== undefined; frame = reader.next(true)) types.push(frame.type);
    }
    expect(types).toEqual(["Q", "S", "E"]);
  }
});

/** A client that implements the protocol by hand. */
class Client {
  readonly socket: Socket;
  backendKey: Buffer = Buffer.alloc(8);
  #received = Buffer.alloc(0);
  #changed: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#changed();
    });
    socket.on("close", () => this.#changed());
  }

  static async open(url: string): Promise<Client> {
    const { hostname, port } = new URL(url);
    const client = new Client(connect(Number(port), hostname));
    const body = Buffer.concat([Buffer.from([0, 3, 0, 0]), cString("user"), cString("test"), Buffer.from([0])]);
    const length = Buffer.alloc(4);
    length.writeInt32BE(body.length + 4);
    const welcome = await client.#until(() => client.socket.write(Buffer.concat([length, body])));
    const at = welcome.indexOf(Buffer.from([0x4b, 0, 0, 0, 12]));
    client.backendKey = welcome.subarray(at + 5, at + 13);
    return client;
  }

  static async cancel(url: string, backendKey: Buffer): Promise<void> {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    socket.end(Buffer.concat([Buffer.from([0, 0, 0, 16, 0x04, 0xd2, 0x16, 0x2e]), backendKey]));
    await new Promise((resolve) => socket.on("close", resolve));
  }

  /** The answer up to ReadyForQuery, as text. */
  async ask(...messages: Buffer[]): Promise<string> {
    return (await this.#until(() => this.socket.write(Buffer.concat(messages)))).toString("latin1");
  }

  /** The bytes that arrived before the server closed the connection. */
  async closed(): Promise<string> {
    while (!this.socket.destroyed) {
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
    return this.#received.toString("latin1");
  }

  async #until(send: () => void): Promise<Buffer> {
    this.#received = Buffer.alloc(0);
    const isReady = () => this.#received.at(-6) === 0x5a && this.#received.at(-2) === 5;
    const ready = new Promise<void>((resolve) => {
      this.#changed = () => {
        if (isReady() || this.socket.destroyed) resolve();
      };
    });
    send();
    await ready;
    return this.#received;
  }
}
