// The shard's knowledge of whether anybody watches its project: a lease in memory that the live tail renews while it has
// watchers. Nothing is stored: a shard that lost its memory is told again within one renewal.

/** How often the tail renews, and checks that its watchers may still watch. */
export const RENEW_EVERY_MS = 4_000;
const LEASE_MS = 3 * RENEW_EVERY_MS;

export class Watch {
  #untilMs = 0;

  get isOpen(): boolean {
    return this.#untilMs > 0 && Date.now() < this.#untilMs;
  }

  renew(): void {
    this.#untilMs = Date.now() + LEASE_MS;
  }

  end(): void {
    this.#untilMs = 0;
  }
}
