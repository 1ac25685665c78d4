// A client that sends each batch until it is acknowledged. It remembers which events it sent and which events were acknowledged.

import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";

export interface SenderOptions {
  origin: string;
  writeKey: string;
  batchSize: number;
  concurrency: number;
  /** The client stops retrying a batch after this time. The events of the batch then count as sent and not acknowledged. */
  giveUpAfterMs?: number;
  /** Pause between two batches of one connection. */
  pauseMs?: number;
}

export class Sender {
  readonly sent = new Set<string>();
  readonly acknowledged = new Set<string>();
  /** Number of answers other than 200, by status. `0` means no answer. */
  readonly refusals = new Map<number, number>();
  readonly #options: SenderOptions;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** Sends `events` events. Resolves when every batch was acknowledged or its time was over. */
  async send(events: number, whileTrue: () => boolean = () => true): Promise<void> {
    let left = events;
    const lane = async () => {
      while (left > 0 && whileTrue()) {
        const size = Math.min(this.#options.batchSize, left);
        left -= size;
        await this.#deliver(this.#batch(size));
        if (this.#options.pauseMs !== undefined) await delay(this.#options.pauseMs);
      }
    };
    await Promise.all(Array.from({ length: this.#options.concurrency }, lane));
  }

  #batch(size: number): string[] {
    const ids = Array.from({ length: size }, () => randomUUID());
    for (const id of ids) this.sent.add(id);
    return ids;
  }

  async #deliver(ids: readonly string[]): Promise<void> {
    const body = JSON.stringify({
      sentAt: new Date().toISOString(),
      batch: ids.map((messageId, index) => ({
        type: "track",
        event: "Product Viewed",
        messageId,
        anonymousId: `device-${index % 50}`,
        timestamp: new Date().toISOString(),
        properties: { product_id: `p-${index}`, price: 19.9, currency: "EUR", position: index },
        context: {
          library: { name: "tests", version: "1" },
          page: { path: "/shop", url: "https://shop.example/shop" },
        },
      })),
    });
    const deadline = Date.now() + (this.#options.giveUpAfterMs ?? 120_000);
    for (let attempt = 0; Date.now() < deadline; attempt++) {
      const status = await this.#post(body, attempt);
      if (status === 200) {
        for (const id of ids) this.acknowledged.add(id);
        return;
      }
      this.refusals.set(status, (this.refusals.get(status) ?? 0) + 1);
      await delay(Math.min(1_000, 50 * 2 ** attempt));
    }
  }

  async #post(body: string, attempt: number): Promise<number> {
    try {
      const answer = await fetch(`${this.#options.origin}/v1/batch`, {
        method: "POST",
        headers: {
          Authorization: `Basic ${Buffer.from(`${this.#options.writeKey}:`).toString("base64")}`,
          "Content-Type": "application/json",
          ...(attempt > 0 ? { "X-Retry-Count": String(attempt) } : {}),
        },
        body,
        signal: AbortSignal.timeout(20_000),
      });
      await answer.arrayBuffer();
      return answer.status;
    } catch {
      return 0;
    }
  }
}
