// The memory that V8 holds for the first isolate, read through its debugger.

/** The one service that is inspected (load/workerd.ts). */
const ISOLATE = "isolate-0";

interface HeapUsage {
  totalSize: number;
  embedderHeapUsedSize: number;
  backingStorageSize: number;
}

export class Inspector {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, { resolve: (usage: HeapUsage) => void; reject: (fault: Error) => void }>();
  #asked = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => {
      const { id, result } = JSON.parse(String(data)) as { id?: number; result: HeapUsage };
      if (id === undefined) return;
      this.#waiting.get(id)?.resolve(result);
      this.#waiting.delete(id);
    });
    socket.addEventListener("close", () => {
      for (const { reject } of this.#waiting.values())
        reject(new Error("the process ended together with its debugger"));
      this.#waiting.clear();
    });
  }

  static async open(port: number): Promise<Inspector> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/${ISOLATE}`);
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener("open", () => resolve());
      socket.addEventListener("error", () => reject(new Error(`no debugger answers for ${ISOLATE}`)));
    });
    return new Inspector(socket);
  }

  /** Pages of the heap, used or not, objects of the runtime, and arrays beside the heap. */
  async heapBytes(): Promise<number> {
    const usage = await this.#heapUsage();
    return usage.totalSize + usage.embedderHeapUsedSize + usage.backingStorageSize;
  }

  close(): void {
    this.#socket.close();
  }

  #heapUsage(): Promise<HeapUsage> {
    const id = ++this.#asked;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#socket.send(JSON.stringify({ id, method: "Runtime.getHeapUsage" }));
    });
  }
}
