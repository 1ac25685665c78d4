// Records whether anybody watches the shard's project, as a lease in memory that the live tail renews while it has watchers.
// Nothing is stored: a shard that lost its memory is notified again within one renewal.

import { isOver } from "../clock.ts";

/** How often the tail renews the lease, and checks that its watchers may still watch. */
export const RENEW_EVERY_MS = 4_000;
const LEASE_MS = 3 * RENEW_EVERY_MS;

export class Watch {
  #renewedAtMs: number | null = null;

  get isOpen(): boolean {
    return this.#renewedAtMs !== null && !isOver(this.#renewedAtMs, LEASE_MS, Date.now());
  }

  renew(): void {
    this.#renewedAtMs = Date.now();
  }

  end(): void {
    this.#renewedAtMs = null;
  }
}
