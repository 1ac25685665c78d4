/**
 * Holds the identity on this device: the anonymous id, the user and group if known, and the session. It is read from
 * storage at every event and never cached, so that tabs agree and clearing the storage takes effect immediately.
 */
import { LIMITS } from "./limits.ts";
import type { SafeStorage } from "./storage.ts";
import { uuid } from "./uuid.ts";

export class Identity {
  readonly #storage: SafeStorage;
  readonly #prefix: string;

  constructor(storage: SafeStorage, namespace: string) {
    this.#storage = storage;
    this.#prefix = `${namespace}.`;
  }

  /** Created at first use, then unchanged until `reset`. */
  get anonymousId(): string {
    const known = this.#read("anonymousId");
    if (known) return known;
    const created = uuid();
    this.#write("anonymousId", created);
    return created;
  }

  get userId(): string | undefined {
    return this.#read("userId");
  }

  get groupId(): string | undefined {
    return this.#read("groupId");
  }

  rememberUser(userId: string): void {
    this.#write("userId", userId);
  }

  rememberGroup(groupId: string): void {
    this.#write("groupId", groupId);
  }

  /** The current session's id; a new one after 30 minutes without an event. Calling it counts as activity. */
  touchSession(nowMs: number): string {
    const [knownId = "", lastActivity = ""] = (this.#read("session") ?? "").split("|");
    const idleMs = nowMs - Number(lastActivity);
    // A clock that was set back makes idleMs negative. That still counts as activity.
    const alive = knownId !== "" && lastActivity !== "" && idleMs < LIMITS.sessionIdleMs;
    const sessionId = alive ? knownId : uuid();
    this.#write("session", `${sessionId}|${nowMs}`);
    return sessionId;
  }

  /** Forgets user, group, session and device: the next event belongs to a new anonymous visitor. */
  reset(): void {
    for (const name of ["anonymousId", "userId", "groupId", "session"]) this.#storage.remove(this.#prefix + name);
  }

  #read(name: string): string | undefined {
    return this.#storage.get(this.#prefix + name) || undefined;
  }

  #write(name: string, value: string): void {
    this.#storage.set(this.#prefix + name, value);
  }
}
