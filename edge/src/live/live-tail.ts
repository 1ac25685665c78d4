// The live tail of one project holds the watchers' sockets and forwards the messages that Workers publish. It hibernates: a
// project that is watched but idle costs only the renewals. While it has watchers it notifies the project's shards. The shards
// pass this on to the Workers in their answers to appends (publish.ts).

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

/** The owner of a socket, which is kept with the socket during hibernation. */
export interface Watcher {
  project: string;
  shards: number;
  keyId: string;
  /** Hex SHA-256 of the key. */
  keyHash: string;
  /** Null for a key, and for a session from before sessions had ids. */
  session?: Session | null;
}

const WATCHERS_MAX = 100;
/** The gap for each isolate, multiplied by their number: together they make 500 calls a second, half of an object's limit. */
const GAP_MS = 2;
const GAP_MAX_MS = 4_000;
const ISOLATE_GONE_AFTER_MS = 10_000;
const ISOLATES_MAX = 10_000;
/** Shards that are notified at the same time. */
const SHARDS_AT_ONCE = 50;
const SCOPE: Scope = "read";
/** https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1 */
const POLICY_VIOLATION = 1008;
const SESSION_ENDED = "the session has ended";
/**
 * Up to this number, shards that do not exist yet are notified as well, so that the very first event is seen. In larger
 * projects a shard is notified after it registers.
 */
const FORESEEN_SHARDS_MAX = 24;

export const WATCHER_HEADER = "X-Watcher";

export class LiveTail extends PlacedObject {
  readonly #outboxes = new Map<WebSocket, Outbox>();
  readonly #room = new Room();
  /** The time of each isolate's last call. */
  readonly #isolates = new Map<string, number>();

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    // The runtime answers this message without waking the object.
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
  }

  /** Opens a socket for the watcher that the Worker named. The answer is sent after the shards were notified. */
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
   * Forwards messages to every watcher.
   * @param lost the number of messages that were omitted before these.
   * @param isolate the calling isolate; absent from Workers of the previous release.
   * @returns the pace of the isolate's next calls.
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

  /** Counts the isolates that called within the last seconds. */
  #countIsolates(isolate: string | undefined, nowMs: number): number {
    if (isolate !== undefined) {
      this.#isolates.delete(isolate);
      this.#isolates.set(isolate, nowMs);
    }
    // The Map is ordered by the last call.
    for (const [name, calledAtMs] of this.#isolates) {
      if (this.#isolates.size <= ISOLATES_MAX && nowMs - calledAtMs < ISOLATE_GONE_AFTER_MS) break;
      this.#isolates.delete(name);
    }
    return Math.max(1, this.#isolates.size);
  }

  /** Closes the sockets of revoked keys. The control plane calls it. */
  async closeKeys(keyIds: readonly string[]): Promise<void> {
    for (const socket of this.ctx.getWebSockets()) {
      if (keyIds.includes(watcherOf(socket).keyId)) socket.close(POLICY_VIOLATION, "the key was revoked");
    }
  }

  /** Closes the sockets of a session that was ended. The session route calls it. */
  async closeSession(id: string): Promise<void> {
    for (const socket of this.ctx.getWebSockets()) {
      if (watcherOf(socket).session?.id === id) socket.close(POLICY_VIOLATION, SESSION_ENDED);
    }
  }

  /** Notifies the shards again and checks whether each watcher may still watch. The alarm is set again before any I/O. */
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
    // A key that cannot be looked up now is looked up again at the next alarm.
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

  /** Notifies all registered shards and, if they are few, possible ones. A shard that cannot be reached is notified next time. */
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

  /** @param region null for a registered shard. */
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
