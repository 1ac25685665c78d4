// One supervisor per data folder. The lock is a listening socket. The kernel closes the socket with its process, so a dead
// process, a zombie or a reused pid cannot hold the lock. On Linux the socket's name is abstract, so that no file is left behind.

import { createHash } from "node:crypto";
import { realpathSync, rmSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ANSWER_DEADLINE_MS = 1_000;

export interface Lock {
  release(): void;
}

/** Another process holds the folder. `holder` is the description that this process gives of itself. */
export class FolderInUse extends Error {
  override readonly name = "FolderInUse";
  readonly holder: string;

  constructor(holder: string) {
    super(`the data folder is in use: ${holder}`);
    this.holder = holder;
  }
}

/**
 * A process that asks for the lock later gets the text `says`.
 * @throws {FolderInUse}
 */
export async function lockFolder(folder: string, says: string): Promise<Lock> {
  const name = `behaviour-pipeline-${createHash("sha256").update(realpathSync(folder)).digest("hex").slice(0, 32)}`;
  const abstract = process.platform === "linux";
  const address = abstract ? `\0${name}` : join(tmpdir(), `${name}.sock`);
  for (let attempt = 0; ; attempt++) {
    const server = await listen(address, says);
    if (server !== undefined) {
      // The lock alone does not keep the process alive.
      server.unref();
      return { release: () => server.close() };
    }
    const holder = await ask(address);
    if (holder !== undefined || attempt > 0) throw new FolderInUse(holder ?? "another process holds its lock");
    // A socket file of a dead process, on which no process listens.
    if (!abstract) rmSync(address, { force: true });
  }
}

/** Undefined when the address is taken. */
async function listen(address: string, says: string): Promise<Server | undefined> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined); // The process that asked has disconnected.
    socket.end(says);
  });
  return new Promise((resolve, reject) => {
    server.once("error", (fault: NodeJS.ErrnoException) => {
      if (fault.code === "EADDRINUSE") resolve(undefined);
      else reject(fault);
    });
    server.listen(address, () => resolve(server));
  });
}

/** The holder's description. Undefined when no process listens there. */
async function ask(address: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    let said = "";
    const socket = connect(address);
    socket.setTimeout(ANSWER_DEADLINE_MS, () => socket.destroy());
    socket.on("data", (chunk) => {
      said += chunk.toString("utf8");
    });
    let refused = false;
    socket.on("error", (fault: NodeJS.ErrnoException) => {
      refused = fault.code === "ECONNREFUSED" || fault.code === "ENOENT";
    });
    socket.on("close", () => resolve(refused ? undefined : said || "a process that does not answer"));
  });
}
