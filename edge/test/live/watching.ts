// Watches the live tail as a program does, and records all messages and the end of the socket.

import { assert, vi } from "vitest";
import type { LiveMessage } from "../../src/live/message.ts";
import { fetchEdge } from "../client.ts";

export class Watching {
  readonly messages: LiveMessage[] = [];
  readonly socket: WebSocket;
  closed: { code: number; reason: string } | null = null;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.addEventListener("message", ({ data }) => {
      if (data !== "pong") this.messages.push(JSON.parse(data as string) as LiveMessage);
    });
    socket.addEventListener("close", ({ code, reason }) => {
      this.closed = { code, reason };
    });
    socket.accept();
  }

  static async open(headers: Record<string, string>): Promise<Watching> {
    const answer = await fetchEdge("/v1/live", { headers: { Upgrade: "websocket", ...headers } });
    assert(answer.status === 101, `the socket was refused with ${answer.status}`);
    return new Watching(answer.webSocket as WebSocket);
  }

  async toHave(count: number): Promise<LiveMessage[]> {
    await vi.waitUntil(() => this.messages.length >= count, { timeout: 10_000 });
    return this.messages;
  }

  close(): void {
    this.socket.close(1000, "done");
  }
}
