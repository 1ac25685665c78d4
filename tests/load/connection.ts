// One keep-alive HTTP/1.1 connection that sends prepared bytes and reads just enough of the answer to judge it. Node's own client
// would cost more CPU time than the measured server.

import { connect, type Socket } from "node:net";

export interface Answer {
  status: number;
  body: string;
}

/** Maximum silence. It also closes a connection that was unused for this long. */
const SILENCE_MAX_MS = 30_000;

const HEAD_END = "\r\n\r\n";
const CHUNKED_END = "0\r\n\r\n";

export class Connection {
  readonly #socket: Socket;
  #received = "";
  #waiting: { resolve: (answer: Answer) => void; reject: (fault: Error) => void } | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => this.#read(text));
    socket.on("error", (fault) => this.#fail(fault));
    socket.on("close", () => this.#fail(new Error("the connection was closed")));
    socket.setTimeout(SILENCE_MAX_MS, () => socket.destroy(new Error("no answer within 30 s")));
  }

  static open(port: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: "127.0.0.1", port });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new Connection(socket));
      });
    });
  }

  /** A server closes a connection that was silent for long. Check this before sending, or the request is lost unnoticed. */
  get isOpen(): boolean {
    return !this.#socket.destroyed && this.#socket.writable;
  }

  /** One request at a time. */
  send(bytes: Uint8Array): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket.write(bytes, (fault) => {
        if (fault) this.#fail(fault);
      });
    });
  }

  close(): void {
    this.#socket.removeAllListeners("close");
    this.#socket.destroy();
  }

  #read(text: string): void {
    this.#received = this.#received === "" ? text : this.#received + text;
    const answer = parseAnswer(this.#received);
    if (answer === null) return;
    this.#received = "";
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.resolve(answer);
  }

  #fail(fault: Error): void {
    this.#waiting?.reject(fault);
    this.#waiting = null;
  }
}

/** @returns null while the answer is incomplete. */
function parseAnswer(text: string): Answer | null {
  const headEnd = text.indexOf(HEAD_END);
  if (headEnd < 0) return null;
  const bodyAt = headEnd + HEAD_END.length;
  const status = Number(text.slice(9, 12));
  const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1];
  if (length === undefined) return text.endsWith(CHUNKED_END) ? { status, body: text.slice(bodyAt) } : null;
  return text.length < bodyAt + Number(length) ? null : { status, body: text.slice(bodyAt) };
}
