/**
 * Polls one endpoint: never two calls at the same time, no calls while the tab is hidden, with backoff while calls fail.
 * `fault` holds the current failure, and `pollNow` makes all pollers call immediately.
 */
import { computed, signal } from "@preact/signals";
import type { ApiAnswer } from "../api/client.ts";
import { session } from "./session.ts";

export interface Fault {
  message: string;
  /** Time of the next attempt, epoch milliseconds. */
  retryAtMs: number;
}

const MAX_BACKOFF_MS = 15_000;

const faultsByName = signal<ReadonlyMap<string, Fault>>(new Map());

/** The fault to show; undefined while no poller fails. */
export const fault = computed<Fault | undefined>(() => faultsByName.value.values().next().value);

const pollers = new Set<Poller>();

/** Makes every poller call immediately. */
export function pollNow(): void {
  for (const poller of pollers) poller.pollNow();
}

export class Poller {
  readonly #name: string;
  readonly #intervalMs: number;
  readonly #poll: () => Promise<ApiAnswer<unknown>>;
  #timer: number | undefined;
  #calling = false;
  #running = false;
  #failureCount = 0;

  constructor(name: string, intervalMs: number, poll: () => Promise<ApiAnswer<unknown>>) {
    this.#name = name;
    this.#intervalMs = intervalMs;
    this.#poll = poll;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    pollers.add(this);
    document.addEventListener("visibilitychange", this.#onVisibilityChange);
    void this.#call();
  }

  stop(): void {
    this.#running = false;
    pollers.delete(this);
    document.removeEventListener("visibilitychange", this.#onVisibilityChange);
    clearTimeout(this.#timer);
    setFault(this.#name, undefined);
  }

  pollNow(): void {
    clearTimeout(this.#timer);
    void this.#call();
  }

  readonly #onVisibilityChange = (): void => {
    if (document.hidden) clearTimeout(this.#timer);
    else this.pollNow();
  };

  async #call(): Promise<void> {
    if (!this.#running || this.#calling || document.hidden) return;
    this.#calling = true;
    const startedAtMs = Date.now();
    const answer = await this.#poll();
    this.#calling = false;
    if (!this.#running) return;
    // The interval runs from start to start, so that a slow answer does not lengthen it.
    if (this.#note(answer)) this.#schedule(Math.max(0, startedAtMs + this.#intervalMs - Date.now()));
  }

  #schedule(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.#call(), delayMs);
  }

  /** @returns true if polling continues at the usual interval */
  #note(answer: ApiAnswer<unknown>): boolean {
    if (answer.kind === "unauthorized") {
      session.value = "signedOut";
      return false;
    }
    if (answer.kind === "ok") {
      session.value = "signedIn";
      this.#failureCount = 0;
      setFault(this.#name, undefined);
      return true;
    }
    const backoffMs = Math.min(MAX_BACKOFF_MS, 1_000 * 2 ** this.#failureCount++);
    const asked = answer.kind === "fault" ? answer.retryAfterMs : undefined;
    const delayMs = Math.max(asked ?? 0, backoffMs * (0.75 + Math.random() * 0.5));
    const message = answer.kind === "fault" ? answer.message : "This server does not know the call";
    setFault(this.#name, { message, retryAtMs: Date.now() + delayMs });
    this.#schedule(delayMs);
    return false;
  }
}

function setFault(name: string, fault: Fault | undefined): void {
  if (!fault && !faultsByName.value.has(name)) return;
  const next = new Map(faultsByName.value);
  if (fault) next.set(name, fault);
  else next.delete(name);
  faultsByName.value = next;
}
