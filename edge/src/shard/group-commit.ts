// Group commit: requests that arrive during a commit, or right after a commit, join the next commit, and a commit writes one row.
// A request that arrives after an idle period is committed immediately. E2, ADR 007, ADR 010.

import { compressMember, concatBytes, LIMITS } from "@behaviour/contract";
import { sleep, waitLeftMs } from "../clock.ts";
import { Budget, type Holding } from "./memory.ts";

export interface Member {
  ids: Uint8Array;
  /** Complete NDJSON lines, plain or as one gzip member. */
  data: Uint8Array;
  compressed: boolean;
}

/** Plain lines per member. Their compressed size must stay far below a record. */
const PLAIN_MEMBER_BYTES = 512 * 1024;

/** The sizes that are bounded in a row. */
interface RowSize {
  bytes: number;
  unpackedBytes: number;
  idBytes: number;
}

function sizeOf({ data, ids }: Member): RowSize {
  // The last four bytes of a gzip member are its unpacked size. It wraps at 4 GiB, and bodies are far smaller.
  const unpackedBytes = new DataView(data.buffer, data.byteOffset + data.byteLength - 4).getUint32(0, true);
  return { bytes: data.byteLength, unpackedBytes, idBytes: ids.byteLength };
}

function together(a: RowSize, b: RowSize): RowSize {
  return {
    bytes: a.bytes + b.bytes,
    unpackedBytes: a.unpackedBytes + b.unpackedBytes,
    idBytes: a.idBytes + b.idBytes,
  };
}

function fitsIntoRow({ bytes, unpackedBytes, idBytes }: RowSize): boolean {
  return bytes <= LIMITS.rowFrameBytes && unpackedBytes <= LIMITS.frameUnpackedBytes && idBytes <= LIMITS.rowIdsBytes;
}

/** Packs a group into rows. Gzip members are put side by side. Plain lines are compressed together into members of their own. */
export function packGroup(members: readonly Member[]): { frame: Uint8Array; ids: Uint8Array }[] {
  const packed = [...members.filter((member) => member.compressed), ...packPlain(members)];
  const rows: { frame: Uint8Array; ids: Uint8Array }[] = [];
  let row: Member[] = [];
  let size: RowSize | null = null;
  const close = () => {
    if (row.length === 0) return;
    rows.push({
      frame: concatBytes(row.map((member) => member.data)),
      ids: concatBytes(row.map((member) => member.ids)),
    });
    row = [];
    size = null;
  };
  for (const member of packed) {
    const own = sizeOf(member);
    const grown: RowSize = size === null ? own : together(size, own);
    const fits = fitsIntoRow(grown);
    if (!fits) close();
    row.push(member);
    size = fits ? grown : own;
  }
  close();
  return rows;
}

function packPlain(members: readonly Member[]): Member[] {
  const packed: Member[] = [];
  let plain: Member[] = [];
  let bytes = 0;
  const close = () => {
    if (plain.length === 0) return;
    packed.push({
      ids: concatBytes(plain.map((member) => member.ids)),
      data: compressMember(concatBytes(plain.map((member) => member.data))),
      compressed: true,
    });
    plain = [];
    bytes = 0;
  };
  for (const member of members) {
    if (member.compressed) continue;
    if (bytes + member.data.byteLength > PLAIN_MEMBER_BYTES) close();
    plain.push(member);
    bytes += member.data.byteLength;
  }
  close();
  return packed;
}

class Group<M extends Member> {
  readonly members: M[] = [];
  readonly done: Promise<void>;
  settle!: { resolve: () => void; reject: (fault: unknown) => void };

  constructor() {
    this.done = new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
    });
    // A waiting request sees the fault. If no request waits any more, the rejection must not end the process.
    this.done.catch(() => {});
  }
}

/** Bytes that wait for a commit, in all shards of the isolate. */
const pending = new Budget(() => LIMITS.isolatePendingBytes);

export interface GroupCommitOptions {
  /**
   * From the start of a commit to the start of the next. On a fast disk a commit ends before the next request arrives, and
   * without a gap each request would cost a row, which is what a Durable Object is charged for.
   */
  gapMs: () => number;
  /** What may wait for commits in this shard. `LIMITS.shardPendingBytes` when it is not given. */
  pendingBytes?: number;
  /** Shared by the shards of the isolate. */
  budget?: Budget;
}

export class GroupCommit<M extends Member> {
  readonly #write: (members: readonly M[]) => Promise<void>;
  readonly #gapMs: () => number;
  readonly #pendingBytesMax: number;
  readonly #budget: Budget;
  readonly #holding: Holding;
  #forming: Group<M> | null = null;
  #writing: Group<M> | null = null;
  #running = false;
  #startedAtMs = Number.NEGATIVE_INFINITY;

  /**
   * @param write makes the members durable as a whole, or throws. It is never called again before it is done.
   */
  constructor(write: (members: readonly M[]) => Promise<void>, options: GroupCommitOptions) {
    this.#write = write;
    this.#gapMs = options.gapMs;
    this.#pendingBytesMax = options.pendingBytes ?? LIMITS.shardPendingBytes;
    this.#budget = options.budget ?? pending;
    this.#holding = this.#budget.open(this);
  }

  get pendingBytes(): number {
    return this.#holding.bytes;
  }

  /** Whether this many more bytes may wait, in this shard and in all shards of the isolate together. */
  hasRoomFor(bytes: number): boolean {
    return this.pendingBytes + bytes <= this.#pendingBytesMax && bytes <= this.#budget.leftBytes;
  }

  /** Resolves once the member is durable. */
  add(member: M): Promise<void> {
    this.#forming ??= new Group();
    const group = this.#forming;
    group.members.push(member);
    this.#holding.take(member.data.byteLength);
    if (!this.#running) void this.#run();
    return group.done;
  }

  /** Resolves once everything added so far is durable. */
  async settled(): Promise<void> {
    await Promise.all([this.#writing?.done, this.#forming?.done]);
  }

  async #run(): Promise<void> {
    this.#running = true;
    // Members added in the rest of the caller's turn join the first group: appends of one call go into one row.
    await Promise.resolve();
    while (this.#forming !== null) {
      await this.#gap();
      const group: Group<M> = this.#forming;
      this.#writing = group;
      this.#forming = null;
      try {
        await this.#write(group.members);
        group.settle.resolve();
      } catch (fault) {
        group.settle.reject(fault);
      }
      for (const member of group.members) this.#holding.give(member.data.byteLength);
    }
    this.#writing = null;
    this.#running = false;
  }

  /** A group that fills a row already gains nothing by waiting. */
  async #gap(): Promise<void> {
    const waitMs = waitLeftMs(this.#startedAtMs, this.#gapMs(), performance.now());
    if (waitMs > 0 && this.pendingBytes < LIMITS.rowFrameBytes) await sleep(waitMs);
    this.#startedAtMs = performance.now();
  }
}
