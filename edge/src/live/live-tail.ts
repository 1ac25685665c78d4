// The live tail of one project: holds the watchers' sockets and passes on what the Workers publish. Hibernating: a project
// that is watched and silent costs nothing but the renewals. While it has watchers it tells the project's shards so, and they
// tell the Workers in the answers they give anyway (publish.ts).

import { LIMITS, type Scope } from "@behaviour/contract";
import { findKeyByHash } from "../access/keyring.ts";
import { hasEnded } from "../access/session.ts";
import type { Session } from "../access/session-token.ts";
import { Refusal } from "../answer/refusal.ts";
import { refuse } from "../answer/respond.ts";
import type { Env } from "../env.ts";
import { log } from "../log.ts";
import { listShards } from "../placement/directories.ts";
import { PlacedObject } from "../placement/placed-object.ts";
import { type Region, regionsOf, shardName } from "../placement/shard-name.ts";
import { shardByName, shardStub } from "../placement/stubs.ts";
import { RENEW_EVERY_MS } from "../shard/watch.ts";
import type { Pace } from "./channel.ts";
import { Outbox, Room } from "./outbox.ts";

/** Who holds a socket; kept with it over hibernation. */
export interface Watcher {
  project: string;
  shards: number;
  keyId: string;
  /** Hex SHA-256 of the key. */
  keyHash: string;
  /** Null for a key, and for who came before sessions had ids. */
  session?: Session | null;
}

const WATCHERS_MAX = 100;
/** Of each isolate's calls: so all of them together make 500 a second, half of what one object takes. */
const GAP_MS = 2;
const GAP_MAX_MS = 4_000;
const ISOLATE_GONE_AFTER_MS = 10_000;
const ISOLATES_MAX = 10_000;
/** Shards are told of watchers so many at once. */
const SHARDS_AT_ONCE = 50;
const SCOPE: Scope = "read";
/** https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1 */
const POLICY_VIOLATION = 1008;
const SESSION_ENDED = "the session has ended";
/** Shards that do not exist yet are told too, so that the very first event is seen; a project with more gets it by and by. */
const FORESEEN_SHARDS_MAX = 24;

export const WATCHER_HEADER = "X-Watcher";

export class LiveTail extends PlacedObject {
  readonly #outboxes = new Map<WebSocket, Outbox>();
  readonly #room = new Room();
  /** When each called last. */
  readonly #isolates = new Map<string, number>();

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    // Answered without waking the object.
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
  }

  /** Opens a socket for the watcher that the Worker named; answered once the shards know of it. */
  override async fetch(request: Request): Promise<Response> {
    const watcher = JSON.parse(request.headers.get(WATCHER_HEADER) ?? "null") as Watcher;
    if (this.ctx.getWebSockets().length >= WATCHERS_MAX) {
      const message = `The project has ${WATCHERS_MAX} watchers already.`;
      return refuse(new Refusal("overloaded", { message, retryAfterSeconds: 30 }), crypto.randomUUID());
    }
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    server.serializeAttachment(watcher);
    await this.ctx.storage.setAlarm(Date.now() + RENEW_EVERY_MS);
    await this.#tellShards(watcher, true);
    return new Response(null, { status: 101, webSocket: client });
  }

  /**
   * Passes messages on to every watcher.
   * @param lost messages that were left out before these.
   * @param isolate who calls; absent from Workers of the release before.
   * @returns how fast the isolate may go on.
   */
  async publish(messages: readonly string[], lost: number, isolate?: string): Promise<Pace> {
    const nowMs = Date.now();
    const sockets = this.ctx.getWebSockets();
    this.#room.watchers = sockets.length;
    for (const socket of sockets) {
      const outbox = this.#outbox(socket);
      outbox.lose(lost);
      outbox.send(messages, nowMs);
    }
    const isolates = this.#countIsolates(isolate, nowMs);
    return { eventsPerSecond: LIMITS.liveEventsPerSecond / isolates, gapMs: Math.min(GAP_MAX_MS, isolates * GAP_MS) };
  }

  /** Those that called within the last seconds. */
  #countIsolates(isolate: string | undefined, nowMs: number): number {
    if (isolate !== undefined) {
      this.#isolates.delete(isolate);
      this.#isolates.set(isolate, nowMs);
    }
    // In the order of their last call.
    for (const [name, calledAtMs] of this.#isolates) {
      if (this.#isolates.size <= ISOLATES_MAX && nowMs - calledAtMs < ISOLATE_GONE_AFTER_MS) break;
      this.#isolates.delete(name);
    }
    return Math.max(1, this.#isolates.size);
  }

  /** From the control plane: their sockets end now. */
  async closeKeys(keyIds: readonly string[]): Promise<void> {
    for (const socket of this.ctx.getWebSockets()) {
      if (keyIds.includes(watcherOf(socket).keyId)) socket.close(POLICY_VIOLATION, "the key was revoked");
    }
  }

  /** From the door: the session was ended. */
  async closeSession(id: string): Promise<void> {
    for (const socket of this.ctx.getWebSockets()) {
      if (watcherOf(socket).session?.id === id) socket.close(POLICY_VIOLATION, SESSION_ENDED);
    }
  }

  /** Renews the shards' knowledge and looks whether each watcher may still watch. Re-armed before any I/O. */
  override async alarm(): Promise<void> {
    const sockets = this.ctx.getWebSockets();
    if (sockets.length === 0) return;
    await this.ctx.storage.setAlarm(Date.now() + RENEW_EVERY_MS);
    try {
      await Promise.all(sockets.map((socket) => this.#check(socket)));
      const [left] = this.ctx.getWebSockets();
      if (left !== undefined) await this.#tellShards(watcherOf(left), true);
    } catch (fault) {
      log("error", "live tail: renewal failed", { fault });
    }
  }

  override async webSocketClose(socket: WebSocket): Promise<void> {
    await this.#forget(socket);
  }

  override async webSocketError(socket: WebSocket): Promise<void> {
    await this.#forget(socket);
  }

  override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    if (typeof message === "string") this.#outbox(socket).hear(message);
  }

  async #check(socket: WebSocket): Promise<void> {
    const { keyHash, session } = watcherOf(socket);
    const nowMs = Date.now();
    if (session && (session.expiresAtMs <= nowMs || (await hasEnded(session, this.env, nowMs)) === true)) {
      return socket.close(POLICY_VIOLATION, SESSION_ENDED);
    }
    const record = await findKeyByHash(keyHash, this.env, nowMs);
    // One that can't be looked up now is looked up again in a moment.
    const isOver = record instanceof Refusal ? record.code === "invalid_api_key" : !record.scopes.includes(SCOPE);
    if (isOver) return socket.close(POLICY_VIOLATION, "the key is not valid any more");
    this.#outbox(socket).send([], nowMs);
  }

  #outbox(socket: WebSocket): Outbox {
    let outbox = this.#outboxes.get(socket);
    if (outbox === undefined) {
      outbox = new Outbox(socket, Date.now(), this.#room);
      this.#outboxes.set(socket, outbox);
    }
    return outbox;
  }

  async #forget(socket: WebSocket): Promise<void> {
    this.#outboxes.get(socket)?.end();
    this.#outboxes.delete(socket);
    const others = this.ctx.getWebSockets().filter((other) => other !== socket && other.readyState === WebSocket.OPEN);
    if (others.length === 0) await this.#tellShards(watcherOf(socket), false);
  }

  /** Those that exist, and as long as they are few those that may. One that can't be reached hears of it next time. */
  async #tellShards(watcher: Watcher, isWatched: boolean): Promise<void> {
    const regions = new Map<string, Region | null>();
    for (const name of await listShards(this.env, watcher.project).catch(() => [])) regions.set(name, null);
    if (isWatched && watcher.shards * regionsOf(this.env).length <= FORESEEN_SHARDS_MAX) {
      for (const region of regionsOf(this.env)) {
        for (let index = 0; index < watcher.shards; index++) {
          regions.set(shardName(watcher.project, region.code, index), region);
        }
      }
    }
    const told = [...regions];
    for (let start = 0; start < told.length; start += SHARDS_AT_ONCE) {
      const some = told.slice(start, start + SHARDS_AT_ONCE);
      await Promise.all(some.map(([name, region]) => this.#tellShard(name, region, isWatched)));
    }
  }

  /** @param region null for a shard that exists. */
  async #tellShard(name: string, region: Region | null, watched: boolean): Promise<void> {
    try {
      const shard = region === null ? shardByName(this.env, name) : shardStub(this.env, name, region);
      await shard.setWatched(watched);
    } catch (fault) {
      log("warn", "shard not told of watchers", { fault });
    }
  }
}

function watcherOf(socket: WebSocket): Watcher {
  return socket.deserializeAttachment() as Watcher;
}
