// A watcher of the live tail, as a program opens it: everything it was told, and how its socket ended.

import type { LiveMessage } from "../../src/live/message.ts";
import { expect } from "vitest";
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
    expect(answer.status).toBe(101);
    return new Watching(answer.webSocket as WebSocket);
  }

  async toHave(count: number): Promise<LiveMessage[]> {
    await expect.poll(() => this.messages.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(count);
    return this.messages;
  }

  close(): void {
    this.socket.close(1000, "done");
  }
}
