// The live tail of one project: holds the watchers' sockets and passes on what the Workers publish. Hibernating: a project
// that is watched and silent costs nothing but the renewals. While it has watchers it tells the project's shards so, and they
// tell the Workers in the answers they give anyway (feed.ts).

import { DurableObject } from "cloudflare:workers";
import type { Scope } from "@behaviour/contract";
import type { Env } from "../env.ts";
import { faultText } from "../fault-text.ts";
import { hasEnded } from "../gateway/session.ts";
import type { Session } from "../gateway/session-token.ts";
import { findKeyByHash } from "../keyring.ts";
import { Refusal } from "../refusal.ts";
import { refuse } from "../respond.ts";
import { listShards } from "../shard/directories.ts";
import { REGIONS, shardName } from "../shard/placement.ts";
import { Outbox } from "./outbox.ts";
import { RENEW_EVERY_MS } from "./watch.ts";

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
const SCOPE: Scope = "read";
/** https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1 */
const POLICY_VIOLATION = 1008;
const SESSION_ENDED = "the session has ended";
/** Shards that do not exist yet are told too, so that the very first event is seen; a project with more gets it by and by. */
const FORESEEN_SHARDS_MAX = 24;

export const WATCHER_HEADER = "X-Watcher";

export class LiveTail extends DurableObject<Env> {
  readonly #outboxes = new Map<WebSocket, Outbox>();

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
   * @returns whether anybody watches.
   */
  async publish(messages: readonly string[], lost: number): Promise<boolean> {
    const sockets = this.ctx.getWebSockets();
    for (const socket of sockets) {
      const outbox = this.#outbox(socket);
      outbox.lose(lost);
      outbox.send(messages, Date.now());
    }
    return sockets.length > 0;
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
      console.error(JSON.stringify({ level: "error", message: "live tail: renewal failed", fault: faultText(fault) }));
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
      outbox = new Outbox(socket, Date.now());
      this.#outboxes.set(socket, outbox);
    }
    return outbox;
  }

  async #forget(socket: WebSocket): Promise<void> {
    this.#outboxes.delete(socket);
    const others = this.ctx.getWebSockets().filter((other) => other !== socket && other.readyState === WebSocket.OPEN);
    if (others.length === 0) await this.#tellShards(watcherOf(socket), false);
  }

  /** Those that exist, and as long as they are few those that may. One that can't be reached hears of it next time. */
  async #tellShards(watcher: Watcher, isWatched: boolean): Promise<void> {
    const names = new Map<string, DurableObjectLocationHint | undefined>();
    for (const name of await listShards(this.env, watcher.project).catch(() => [])) names.set(name, undefined);
    if (isWatched && watcher.shards * REGIONS.length <= FORESEEN_SHARDS_MAX) {
      for (const { code, locationHint } of REGIONS) {
        for (let index = 0; index < watcher.shards; index++) {
          names.set(shardName(watcher.project, code, index), locationHint);
        }
      }
    }
    await Promise.all([...names].map(([name, locationHint]) => this.#tellShard(name, locationHint, isWatched)));
  }

  async #tellShard(name: string, locationHint: DurableObjectLocationHint | undefined, watched: boolean): Promise<void> {
    const id = this.env.SHARD.idFromName(name);
    try {
      await this.env.SHARD.get(id, locationHint === undefined ? {} : { locationHint }).setWatched(watched);
    } catch (fault) {
      console.warn(JSON.stringify({ level: "warn", message: "shard not told of watchers", fault: faultText(fault) }));
    }
  }
}

function watcherOf(socket: WebSocket): Watcher {
  return socket.deserializeAttachment() as Watcher;
}
