// Tests behaviour that only a real socket shows: a 413 that the client can read, clients that disconnect or send slowly, wrong
// lengths, and repeated headers. docs/API_DOCUMENTATION.md#answers.

import { request } from "node:http";
import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { LIMITS } from "@behaviour/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ListeningWorker, startWorker } from "./worker.ts";

let worker: ListeningWorker;
beforeAll(async () => {
  worker = await startWorker();
}, 60_000);
afterAll(() => worker.stop());

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Record<string, unknown>;
}

/** Sends a request with Node's own client, which writes as fast as possible and reads the answer when it arrives. */
function post(
  path: string,
  body: Uint8Array | string,
  headers: Record<string, string | string[]> = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(`${worker.origin}${path}`, {
      method: "POST",
      headers: { "X-API-Key": worker.key, ...headers },
    });
    sent.on("error", reject);
    sent.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        const parsed = JSON.parse(text) as Record<string, unknown>;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: parsed });
      });
    });
    sent.end(body);
  });
}

const event = (change: object = {}) => ({ type: "track", event: "e", anonymousId: "a", ...change });

/** Expects that a good event is still accepted after the earlier requests. */
async function expectGoodEventTaken(): Promise<void> {
  const answer = await post("/v1/track", JSON.stringify(event()));
  expect(answer.body).toMatchObject({ success: true, accepted: 1 });
}

describe("more large bodies at once than an isolate holds", () => {
  const CLIENTS = 16;
  const BODIES_EACH = 3;
  /** As large as allowed. Such a body is judged only after it was read completely. */
  const large = Buffer.alloc(LIMITS.bodyBytes, "x");

  it("some get through, however many come; the others are told to come again", async () => {
    const statuses: number[] = [];
    const client = async () => {
      for (let sent = 0; sent < BODIES_EACH; sent++) statuses.push((await post("/v1/batch", large)).status);
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));
    expect(new Set(statuses)).toEqual(new Set([400, 503]));
    expect(statuses.filter((status) => status === 400).length).toBeGreaterThanOrEqual(BODIES_EACH);
    await expectGoodEventTaken();
  });
});

describe("64 batches of 100 events at the same time", () => {
  const EVENTS = 100;
  const batch = () => {
    const events = Array.from({ length: EVENTS }, () => event({ properties: { text: "x".repeat(800) } }));
    return Buffer.from(JSON.stringify({ batch: events }));
  };

  it("are all accepted, though none ends before the others have begun", async () => {
    const begun: Promise<void>[] = [];
    let endAll!: () => void;
    const mayEnd = new Promise<void>((resolve) => (endAll = resolve));
    const statuses = Array.from({ length: 64 }, () => {
      const body = batch();
      return new Promise<number | undefined>((resolve, reject) => {
        const sent = request(`${worker.origin}/v1/batch`, {
          method: "POST",
          headers: { "X-API-Key": worker.key, "Content-Length": String(body.byteLength) },
        });
        sent.on("error", reject);
        sent.on("response", (response) => {
          response.resume();
          resolve(response.statusCode);
        });
        begun.push(new Promise((written) => sent.write(body.subarray(0, -1), () => written())));
        void mayEnd.then(() => sent.end(body.subarray(-1)));
      });
    });
    await Promise.all(begun);
    endAll();
    expect(new Set(await Promise.all(statuses))).toEqual(new Set([200]));
  });
});

describe("a body that is too large", () => {
  const large = Buffer.alloc(6 * 1_024 * 1_024, 0x20);

  it.each([
    ["declared", { "Content-Length": String(large.byteLength) }],
    ["chunked", { "Transfer-Encoding": "chunked" }],
  ])("%s: the client reads the 413", async (_name, headers) => {
    const answer = await post("/v1/batch", large, headers);
    expect(answer.status).toBe(413);
    expect(answer.body).toMatchObject({ success: false, code: "payload_too_large" });
    expect(answer.headers["access-control-allow-origin"]).toBe("*");
    await expectGoodEventTaken();
  });

  it("a bomb", async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1_024 * 1_024));
    const answer = await post("/v1/batch", bomb, { "Content-Encoding": "gzip" });
    expect([answer.status, answer.body.code]).toEqual([413, "payload_too_large"]);
    await expectGoodEventTaken();
  });

  it("refused keys are refused without it", async () => {
    const answer = await post("/v1/batch", large, { "X-API-Key": "nonsense" }).catch(() => null);
    // The answer may arrive, and the connection may end, while the client still writes. If the client reads an answer, it is 401.
    expect(answer?.body.code ?? "invalid_api_key").toBe("invalid_api_key");
    await expectGoodEventTaken();
  });
});

/** Writes raw bytes and returns the socket to the test. */
async function rawSocket(text: string) {
  const { hostname, port } = new URL(worker.origin);
  const socket = connect(Number(port), hostname);
  await new Promise<void>((resolve) => socket.once("connect", resolve));
  let received = "";
  socket.on("data", (chunk: Buffer) => void (received += chunk.toString("latin1")));
  socket.on("error", () => {});
  socket.write(text);
  return {
    socket,
    received: () => received,
    closed: new Promise<void>((resolve) => socket.once("close", () => resolve())),
  };
}

function head(headers: readonly string[]): string {
  return ["POST /v1/track HTTP/1.1", "Host: edge.test", `X-API-Key: ${worker.key}`, ...headers, "", ""].join("\r\n");
}

describe("a client that", () => {
  it.each([
    ["hangs up after the head", ["Content-Length: 1000"], ""],
    ["hangs up in the middle", ["Content-Length: 1000"], '{"type":"track"'],
    ["hangs up in the middle of a chunk", ["Transfer-Encoding: chunked"], '100\r\n{"type":'],
    [
      "hangs up in the middle of gzip",
      ["Transfer-Encoding: chunked", "Content-Encoding: gzip"],
      "3\r\n\x1f\x8b\x08\r\n",
    ],
  ])("%s affects no other client", async (_name, headers, text) => {
    const { socket, closed, received } = await rawSocket(head(headers) + text);
    socket.destroy();
    await closed;
    await expectGoodEventTaken();
    expect(received()).toBe("");
  });

  it("sends more than it declared is answered for what it declared", async () => {
    const text = JSON.stringify(event());
    const { received, socket } = await rawSocket(
      `${head([`Content-Length: ${text.length}`, "Connection: close"])}${text}junk junk`,
    );
    await expect.poll(received, { timeout: 10_000 }).toContain('"accepted":1');
    socket.destroy();
  });

  it("writes its body byte by byte is served", async () => {
    const text = JSON.stringify(event());
    const { received, socket } = await rawSocket(head([`Content-Length: ${text.length}`, "Connection: close"]));
    for (const character of text) socket.write(character);
    await expect.poll(received, { timeout: 10_000 }).toContain('"accepted":1');
    socket.destroy();
  });

  it.each(["Content-Length: -1", "Content-Length: 1e3", "Content-Length: 5, 6", "Transfer-Encoding: nonsense"])(
    "says %s gets no event in",
    async (header) => {
      const { received, socket } = await rawSocket(`${head([header, "Connection: close"])}${JSON.stringify(event())}`);
      await expect.poll(() => received() !== "" || socket.closed, { timeout: 10_000 }).toBe(true);
      expect(received()).not.toContain('"accepted":1');
      expect(received()).not.toMatch(/^HTTP\/1.1 5/);
      socket.destroy();
    },
  );

  it("holds many idle connections delays no other client", async () => {
    const stalled = await Promise.all(
      Array.from({ length: 40 }, () => rawSocket(head([`Content-Length: ${LIMITS.bodyBytes}`]) + " ")),
    );
    for (let i = 0; i < 3; i++) await expectGoodEventTaken();
    for (const { socket } of stalled) socket.destroy();
    expect(stalled.map(({ received }) => received())).toEqual(stalled.map(() => ""));
  });
});

describe("headers", () => {
  it("that come twice are one list", async () => {
    const answer = await post("/v1/track", JSON.stringify(event()), { "Sec-GPC": ["0", "1"] });
    expect(answer.status).toBe(200);
  });

  it("of 8 KiB are taken", async () => {
    const answer = await post("/v1/track", JSON.stringify(event()), { "User-Agent": "x".repeat(8_000) });
    expect(answer.body).toMatchObject({ accepted: 1 });
  });

  it("tell one connection's requests apart", async () => {
    const text = JSON.stringify(event());
    const one = head([`Content-Length: ${text.length}`]) + text;
    const { received, socket } = await rawSocket(one + one + one);
    await expect.poll(() => received().split('"accepted":1').length - 1, { timeout: 10_000 }).toBe(3);
    expect(new Set(received().match(/x-request-id: \S+/gi)).size).toBe(3);
    socket.destroy();
  });
});
