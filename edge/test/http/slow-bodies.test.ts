// Tests bodies that arrive slowly, break off, or never end. Each is answered, and no other request waits for them.
// docs/API_DOCUMENTATION.md#answers.

import { connect, type Socket } from "node:net";
import { LIMITS } from "@behaviour/contract";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type ListeningWorker, startWorker } from "./worker.ts";

let worker: ListeningWorker;
beforeAll(async () => {
  worker = await startWorker();
}, 60_000);
afterAll(() => worker.stop());

const sockets = new Set<Socket>();
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
});

interface RawSocket {
  socket: Socket;
  received: () => string;
}

async function rawSocket(): Promise<RawSocket> {
  const { hostname, port } = new URL(worker.origin);
  const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
  sockets.add(socket);
  let received = "";
  socket.on("data", (chunk: Buffer) => void (received += chunk.toString("latin1")));
  socket.on("error", () => {});
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  return { socket, received: () => received };
}

function head(...headers: string[]): string {
  return ["POST /v1/batch HTTP/1.1", "Host: edge.test", `X-API-Key: ${worker.key}`, ...headers, "", ""].join("\r\n");
}

/** Opens connections and sends this part of a body on each. */
async function stall(connections: number, declaredBytes: number, sentBytes: number): Promise<RawSocket[]> {
  const stalled: RawSocket[] = [];
  for (let made = 0; made < connections; made++) {
    const one = await rawSocket();
    one.socket.write(head(`Content-Length: ${declaredBytes}`) + " ".repeat(sentBytes));
    stalled.push(one);
  }
  return stalled;
}

async function goodEvents(count: number, largestBytes = 24_000): Promise<number[]> {
  const statuses: number[] = [];
  for (let sent = 0; sent < count; sent++) {
    const answer = await fetch(`${worker.origin}/v1/track`, {
      method: "POST",
      headers: { "X-API-Key": worker.key },
      body: JSON.stringify({
        type: "track",
        event: "e",
        anonymousId: "a",
        properties: { text: "x".repeat((sent / count) * largestBytes) },
      }),
    });
    await answer.arrayBuffer();
    statuses.push(answer.status);
  }
  return statuses;
}

describe("good events are taken while a client holds", () => {
  it.each([
    { connections: 96, declared: 256 * 1_024, sent: 1 },
    { connections: 96, declared: 256 * 1_024, sent: 250_000 },
    { connections: 40, declared: LIMITS.bodyBytes, sent: 1_000_000 },
    { connections: 1_700, declared: 15_000, sent: 1 },
    { connections: 1_700, declared: 15_000, sent: 14_999 },
    { connections: 1_000, declared: 20_000, sent: 19_999 },
  ])("$connections connections: $sent of $declared bytes", async ({ connections, declared, sent }) => {
    await stall(connections, declared, sent);
    expect(await goodEvents(27)).toEqual(Array(27).fill(200));
  });

  it("connections that go on dripping", async () => {
    const stalled = await stall(300, 200_000, 60_000);
    /** All good events together fit into the memory that is reserved for small bodies. */
    const smallBytes = LIMITS.isolateSmallBodyBytes / 64;
    const drip = setInterval(() => {
      for (const { socket } of stalled) socket.write(" ");
    }, 100);
    try {
      expect(await goodEvents(27, smallBytes)).toEqual(Array(27).fill(200));
      // Larger events are accepted when the slow bodies have been recognised.
      await expect.poll(() => goodEvents(5), { timeout: 5_000 }).toEqual(Array(5).fill(200));
    } finally {
      clearInterval(drip);
    }
  });
});

it("a body that does not arrive in time is answered 429, to be sent again", async () => {
  const bodies = [
    ["Content-Length: 1000", "{"],
    ["Content-Length: 1000000", "{"],
    ["Transfer-Encoding: chunked", "1\r\n{\r\n"],
  ] as const;
  const late = async ([header, sent]: (typeof bodies)[number]) => {
    const { socket, received } = await rawSocket();
    const beganAtMs = Date.now();
    socket.write(head(header) + sent);
    await expect.poll(received, { timeout: 40_000, interval: 50 }).toMatch(/^HTTP\/1\.1 429 .*"code":"rate_limited"/s);
    expect(received()).toMatch(/retry-after: 5\r\n/i);
    expect(Date.now() - beganAtMs).toBeGreaterThan(LIMITS.bodyReadMs - 500);
  };
  await Promise.all(bodies.map(late));
});

describe("413 comes at once", () => {
  it.each([
    ["declared, and no byte sent", "Content-Length: 5000000", ""],
    ["declared as absurdly large", "Content-Length: 999999999999", ""],
    ["declared, compressed", "Content-Length: 2000000\r\nContent-Encoding: gzip", "\x1f\x8b"],
  ])("%s", async (_name, header, sent) => {
    const { socket, received } = await rawSocket();
    socket.write(head(header) + sent);
    await expect
      .poll(received, { timeout: 4_000, interval: 20 })
      .toMatch(/^HTTP\/1\.1 413 .*"code":"payload_too_large".*}$/s);
  });

  it("for chunks past 4 MiB that never end", async () => {
    const { socket, received } = await rawSocket();
    const chunk = `10000\r\n${" ".repeat(65_536)}\r\n`;
    socket.write(head("Transfer-Encoding: chunked") + chunk.repeat(65));
    await expect
      .poll(received, { timeout: 4_000, interval: 20 })
      .toMatch(/^HTTP\/1\.1 413 .*"code":"payload_too_large".*}$/s);
  });
});

describe("a body that breaks off is the client's fault", () => {
  it.each([
    ["declared, cut off", "Content-Length: 1000", '{"batch":['],
    ["declared and large, cut off", "Content-Length: 100000", '{"batch":['],
    ["in chunks, cut off", "Transfer-Encoding: chunked", '5\r\n{"bat'],
    ["without the last chunk", "Transfer-Encoding: chunked", "2\r\n{}\r\n"],
    ["a chunk whose length is none", "Transfer-Encoding: chunked", "zz\r\n{}\r\n0\r\n\r\n"],
    ["a chunk longer than said", "Transfer-Encoding: chunked", "1\r\n{}\r\n0\r\n\r\n"],
    ["compressed, cut off", "Content-Length: 1000\r\nContent-Encoding: gzip", "\x1f\x8b\x08"],
  ])("%s", async (_name, header, sent) => {
    const { socket, received } = await rawSocket();
    let isClosed = false;
    socket.once("close", () => void (isClosed = true));
    socket.once("end", () => void (isClosed = true));
    socket.end(Buffer.from(head(header) + sent, "latin1"));
    await expect.poll(() => isClosed || received().includes("}"), { timeout: 8_000, interval: 20 }).toBe(true);
    // The runtime may close the connection by itself. If there is an answer, it is a 400.
    if (received() !== "") expect(received()).toMatch(/^HTTP\/1\.1 400 /);
    expect(await goodEvents(1)).toEqual([200]);
  });
});
