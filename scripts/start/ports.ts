// Ports of the embedded parts. The first start chooses free ports. The next start uses the same ports if they are still free, so
// that tools with these addresses keep working.

import { createServer } from "node:net";
import { readJsonFile, writeDurably } from "../../local/durable.ts";

const HOST = "127.0.0.1";

export async function isPortFree(port: number, host = HOST): Promise<boolean> {
  return (await tryPort(port, host)) !== undefined;
}

/** A free port for each name, kept in `file`. */
export async function choosePorts<Name extends string>(
  file: string,
  names: readonly Name[],
): Promise<Record<Name, number>> {
  const kept = (readJsonFile(file) ?? {}) as Record<string, unknown>;
  const chosen: Record<string, number> = {};
  for (const name of names) {
    const before = kept[name];
    const reusable = typeof before === "number" && (await isPortFree(before));
    let port = reusable ? before : await tryPort(0, HOST);
    while (port === undefined || Object.values(chosen).includes(port)) port = await tryPort(0, HOST);
    chosen[name] = port;
  }
  writeDurably(file, `${JSON.stringify({ ...kept, ...chosen }, null, 2)}\n`);
  return chosen;
}

/** The port that could be opened. It is closed again. Undefined when the port is taken. */
async function tryPort(port: number, host: string): Promise<number | undefined> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(undefined));
    server.listen(port, host, () => {
      const address = server.address();
      const listened = typeof address === "object" && address !== null ? address.port : undefined;
      server.close(() => resolve(listened));
    });
  });
}
