// One client of the embedded database: the start of the protocol, the batches that end at Sync, Query and Flush, and the client's
// turns on the one session. The data of a COPY FROM STDIN are collected to their end first, because the engine aborts if its
// input ends early.

import { randomInt } from "node:crypto";
import type { Socket } from "node:net";
import { type Batch, isCopyIn, refuse, replaceText, textOf } from "./batch.ts";
import { Leaving } from "./leaving.ts";
import {
  errorResponse,
  type Frame,
  FrameReader,
  message,
  parameterStatus,
  query,
  readCString,
  readyForQuery,
  SYNC,
  withoutFirst,
} from "./messages.ts";
import type { Participant, Session } from "./session.ts";
import { ENGINE_USER, SessionSettings } from "./settings.ts";
import { StatementNames } from "./statements.ts";

const SSL_REQUEST = 80_877_103;
const GSS_REQUEST = 80_877_104;
const CANCEL_REQUEST = 80_877_102;
/** Maximum number of bytes that a client may have sent without an answer. Above this number its socket is not read. */
const PENDING_MAX_BYTES = 64 * 1024 * 1024;

/** What the server knows about all its clients. */
export interface Clients {
  serverVersion: string;
  cancel(processId: number, secret: number): void;
  closed(connection: Connection): void;
}

export class Connection implements Participant {
  readonly processId: number;
  readonly secret = randomInt(2 ** 31);
  settings = new SessionSettings();
  readonly #socket: Socket;
  readonly #session: Session;
  readonly #clients: Clients;
  readonly #reader = new FrameReader();
  readonly #statements: StatementNames;
  readonly #batches: Batch[] = [];
  #current: Batch = { frames: [], bytes: 0 };
  #pendingBytes = 0;
  #state: "opening" | "ready" | "copying" | "closed" = "opening";
  #running = false;

  constructor(processId: number, socket: Socket, session: Session, clients: Clients) {
    this.processId = processId;
    this.#socket = socket;
    this.#session = session;
    this.#clients = clients;
    this.#statements = new StatementNames(processId);
    socket.setNoDelay(true);
    socket.on("data", (chunk) => this.#received(chunk));
    // A broken connection is normal. The "close" event follows and does the work.
    socket.on("error", () => undefined);
    socket.on("close", () => this.#left());
  }

  /** Ends the connection with the same reason as a shutdown by an administrator. */
  shutDown(): void {
    this.#fail("57P01", "the server is shutting down");
  }

  evict(): void {
    this.#fail("25P03", "terminating connection due to idle-in-transaction timeout: other connections were waiting");
  }

  /**
   * Drops the batches that wait for a turn. A batch that runs cannot be stopped, because the engine runs it without interruption.
   */
  cancelWaiting(): void {
    if (this.#batches.length === 0 || !this.#session.withdraw(this)) return;
    this.#batches.splice(0).forEach((batch) => {
      this.#pendingBytes -= batch.bytes;
      this.#send(errorResponse("ERROR", "57014", "canceling statement due to user request"), readyForQuery("I"));
    });
  }

  takeTurn(): void {
    if (this.#running) return;
    this.#running = true;
    this.#runTurn()
      .catch((fault: unknown) => this.#fail("XX000", fault instanceof Error ? fault.message : "internal error"))
      .finally(() => {
        this.#running = false;
        this.#session.yieldTurn(this);
        if (this.#batches.length > 0) this.#session.requestTurn(this);
      });
  }

  #received(chunk: Buffer): void {
    this.#reader.push(chunk);
    this.#pendingBytes += chunk.length;
    try {
      while (this.#state !== "closed") {
        const frame = this.#reader.next(this.#state !== "opening");
        if (frame === undefined) break;
        if (this.#state === "opening") this.#open(frame);
        else this.#take(frame);
      }
    } catch (fault) {
      this.#fail("08P01", `protocol violation: ${fault instanceof Error ? fault.message : "malformed message"}`);
    }
    if (this.#pendingBytes > PENDING_MAX_BYTES && this.#batches.length > 0) this.#socket.pause();
  }

  #open(frame: Frame): void {
    this.#pendingBytes -= frame.bytes.length;
    const code = frame.body.readInt32BE(0);
    if (code === SSL_REQUEST || code === GSS_REQUEST) {
      this.#socket.write("N");
    } else if (code === CANCEL_REQUEST) {
      this.#clients.cancel(frame.body.readInt32BE(4), frame.body.readInt32BE(8));
      this.#socket.end();
    } else if (code >> 16 === 3) {
      this.#welcome(code & 0xffff, readStartup(frame.body));
    } else {
      this.#fail("0A000", "only version 3 of the protocol is spoken here");
    }
  }

  #welcome(minorVersion: number, startup: Map<string, string>): void {
    this.settings = new SessionSettings(startup);
    this.#state = "ready";
    if (minorVersion > 0) this.#send(message("v", int32(3 << 16), int32(0)));
    const { user } = this.settings;
    const statuses: Record<string, string> = {
      server_version: this.#clients.serverVersion,
      server_encoding: "UTF8",
      client_encoding: "UTF8",
      application_name: startup.get("application_name") ?? "",
      DateStyle: "ISO, MDY",
      IntervalStyle: "postgres",
      TimeZone: "GMT",
      integer_datetimes: "on",
      standard_conforming_strings: "on",
      is_superuser: user === ENGINE_USER ? "on" : "off",
      session_authorization: user,
    };
    this.#send(
      message("R", int32(0)),
      ...Object.entries(statuses).map(([name, value]) => parameterStatus(name, value)),
      message("K", int32(this.processId), int32(this.secret)),
      readyForQuery("I"),
    );
  }

  #take(frame: Frame): void {
    if (frame.type === "X") {
      this.#socket.end();
      return;
    }
    this.#current.frames.push(frame);
    this.#current.bytes += frame.bytes.length;
    if (this.#state === "copying") {
      // CopyData until CopyDone or CopyFail. A Sync in between is ignored, as the protocol requires.
      if (frame.type === "c" || frame.type === "f") this.#endBatch();
      else if (frame.type !== "d") this.#current.frames.pop();
    } else if (frame.type === "Q") {
      const { text } = readCString(frame.body, 0);
      if (isCopyIn(text)) {
        this.#state = "copying";
        this.#socket.write(message("G", Buffer.from([0, 0, 0])));
      } else this.#endBatch();
    } else if (frame.type === "S" || frame.type === "H" || frame.type === "F") {
      this.#endBatch();
    }
  }

  #endBatch(): void {
    this.#state = "ready";
    this.#batches.push(this.#current);
    this.#current = { frames: [], bytes: 0 };
    this.#session.requestTurn(this);
  }

  async #runTurn(): Promise<void> {
    const batch = this.#batches.shift();
    if (batch === undefined) return;
    this.#pendingBytes -= batch.bytes;
    if (this.#socket.isPaused() && this.#pendingBytes < PENDING_MAX_BYTES) this.#socket.resume();
    const last = batch.frames.at(-1)?.type;
    const refusal = refuse(batch, this.settings);
    if (refusal !== undefined) {
      // Runs a statement that fails in place of the statement that would crash the engine, so that an open transaction is
      // aborted.
      const answer = await this.#session.execute(query(refusal), true);
      this.#send(last === "H" ? withoutFirst(answer, "Z") : answer);
      return;
    }
    await this.#beforeSpecial(batch);
    const unnamed = this.#statements.unnamedParseFor(batch.frames);
    const rewritten = batch.frames.map((frame) => this.#rewrite(frame));
    let answer = await this.#session.execute(
      Buffer.concat(unnamed === undefined ? rewritten : [unnamed, ...rewritten]),
      last !== "H",
      () => this.#statements.describe(batch.frames),
    );
    if (unnamed !== undefined) answer = withoutFirst(answer, "1");
    // The client received its CopyInResponse before the engine was asked.
    if (last === "c" || last === "f") answer = withoutFirst(answer, "G");
    this.#noteSettings(batch);
    this.#send(answer);
  }

  /** DISCARD ALL and DEALLOCATE ALL apply to this connection's statements only. */
  async #beforeSpecial(batch: Batch): Promise<void> {
    const text = textOf(batch.frames[0]);
    if (text === undefined || !/^\s*(?:discard\s+all|deallocate\s+(?:prepare\s+)?all)\s*;?\s*$/i.test(text)) return;
    const closes = this.#statements.closeAll();
    if (closes.length > 0) await this.#session.execute(Buffer.concat([...closes, SYNC]), true);
    // Runs a statement that does the rest, or nothing, in its place and does not touch the statements of other connections.
    const rest = /discard/i.test(text) ? "RESET ALL" : "RESET application_name";
    batch.frames = batch.frames.map((frame) => replaceText(frame, text, rest));
  }

  #rewrite(frame: Frame): Buffer {
    if (frame.type === "Q") {
      const deallocate = /^\s*deallocate\s+(?:prepare\s+)?("?)([^";\s]+)\1\s*;?\s*$/i.exec(textOf(frame) ?? "");
      const name = deallocate === null ? undefined : this.#statements.nameOf(deallocate[2] as string);
      if (name !== undefined) return query(`DEALLOCATE ${name}`);
    }
    return this.#statements.rewrite(frame);
  }

  #noteSettings(batch: Batch): void {
    const before = this.settings.name;
    for (const frame of batch.frames) {
      const text = textOf(frame);
      if (text !== undefined) this.settings.note(text);
    }
    if (this.settings.name !== before) this.#session.settingsApplied(this);
  }

  #send(...messages: Uint8Array[]): void {
    if (this.#socket.writable) this.#socket.write(Buffer.concat(messages));
  }

  #fail(code: string, text: string): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#send(errorResponse("FATAL", code, text));
    this.#socket.end();
    this.#socket.destroySoon();
  }

  #left(): void {
    this.#state = "closed";
    this.#batches.length = 0;
    this.#clients.closed(this);
    const closes = this.#statements.closeAll();
    if (this.#session.holds(this)) {
      this.#session.leave(this, closes).catch(() => undefined); // The session has already reported that the engine failed.
    } else {
      this.#session.withdraw(this);
      if (closes.length > 0) this.#session.requestTurn(new Leaving(this.#session, closes));
    }
  }
}

function readStartup(body: Buffer): Map<string, string> {
  const startup = new Map<string, string>();
  let at = 4;
  while (at < body.length && body[at] !== 0) {
    const name = readCString(body, at);
    const value = readCString(body, name.end);
    startup.set(name.text, value.text);
    at = value.end;
  }
  return startup;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}
