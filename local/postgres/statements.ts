// Prepared statements of many connections on one session. Every connection may call its statement `s1` or leave it unnamed. In
// the shared session these statements would overwrite one another, so names are rewritten per connection. If a connection uses
// its unnamed statement again after other connections had a turn, the statement is parsed again.
//
// Portals need no rewriting: they end with the transaction, and a transaction holds the session for one connection.

import { type Frame, message, readCString } from "./messages.ts";

const TEXT_KEPT = 160;

export class StatementNames {
  readonly #connection: number;
  readonly #names = new Map<string, string>();
  /** The beginning of each prepared statement, for the log. It holds no values, because values are bound. */
  readonly #texts = new Map<string, string>();
  #made = 0;
  /** The last Parse of the unnamed statement. It is repeated when another connection may have replaced the statement. */
  #unnamedParse: Buffer | undefined;

  constructor(connection: number) {
    this.#connection = connection;
  }

  /**
   * The message in the form that the session gets.
   * @throws on a malformed message.
   */
  rewrite(frame: Frame): Buffer {
    switch (frame.type) {
      case "P":
        return this.#parse(frame);
      case "B":
        return this.#bind(frame);
      case "D":
        return this.#statementOrPortal(frame, false);
      case "C":
        return this.#statementOrPortal(frame, true);
      default:
        return frame.bytes;
    }
  }

  /** The Parse that must precede a batch that uses the unnamed statement without parsing it. */
  unnamedParseFor(batch: readonly Frame[]): Buffer | undefined {
    for (const frame of batch) {
      if (frame.type === "P" && frame.body[0] === 0) return undefined;
      if (frame.type === "B") {
        if (frame.body[readCString(frame.body, 0).end] === 0) return this.#unnamedParse;
      } else if (frame.type === "D" && frame.body[0] === 0x53 && frame.body[1] === 0) return this.#unnamedParse;
    }
    return undefined;
  }

  /** Describes a batch for the log. Names prepared statements only, because other statements hold values in their text. */
  describe(batch: readonly Frame[]): string {
    for (const frame of batch) {
      if (frame.type === "Q") return "an unprepared statement";
      if (frame.type === "P") return beginning(frame);
      if (frame.type === "B") {
        const { text: name } = readCString(frame.body, readCString(frame.body, 0).end);
        return this.#texts.get(name) ?? "an unnamed statement";
      }
    }
    return "no statement";
  }

  /** Close messages for every statement that the connection has prepared. */
  closeAll(): Buffer[] {
    const closes = [...this.#names.values()].map((name) => message("C", Buffer.from("S"), name));
    this.#names.clear();
    this.#texts.clear();
    this.#unnamedParse = undefined;
    return closes;
  }

  /** The session's name for the connection's statement. */
  nameOf(name: string): string | undefined {
    return this.#names.get(name);
  }

  #parse(frame: Frame): Buffer {
    const { text: name, end } = readCString(frame.body, 0);
    if (name === "") {
      this.#unnamedParse = frame.bytes;
      return frame.bytes;
    }
    this.#texts.set(name, beginning(frame));
    return message("P", this.#sessionName(name), frame.body.subarray(end));
  }

  #bind(frame: Frame): Buffer {
    const portal = readCString(frame.body, 0);
    const statement = readCString(frame.body, portal.end);
    if (statement.text === "") return frame.bytes;
    return message("B", portal.text, this.#sessionName(statement.text), frame.body.subarray(statement.end));
  }

  #statementOrPortal(frame: Frame, closes: boolean): Buffer {
    const { text: name } = readCString(frame.body, 1);
    if (frame.body[0] !== 0x53 || name === "") return frame.bytes;
    const rewritten = message(frame.type, Buffer.from("S"), this.#sessionName(name));
    if (closes) {
      this.#names.delete(name);
      this.#texts.delete(name);
    }
    return rewritten;
  }

  #sessionName(name: string): string {
    let rewritten = this.#names.get(name);
    if (rewritten === undefined) {
      this.#made++;
      rewritten = `c${this.#connection}_${this.#made}`;
      this.#names.set(name, rewritten);
    }
    return rewritten;
  }
}

function beginning(parse: Frame): string {
  const { text } = readCString(parse.body, readCString(parse.body, 0).end);
  return text.replace(/\s+/g, " ").trim().slice(0, TEXT_KEPT);
}
