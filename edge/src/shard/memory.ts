// Bounds the memory that the shards of one isolate use together. Several objects of a class may run in one isolate, and share its
// 128 MB. So the bytes that one object may hold depend on the other objects. Module state belongs to the isolate.

export class Budget {
  readonly #limitBytes: () => number;
  /** An object ends without notice. Its bytes are given back when the runtime has collected the object. */
  readonly #ended = new FinalizationRegistry<Holding>((holding) => holding.giveAll());
  #usedBytes = 0;

  constructor(limitBytes: () => number) {
    this.#limitBytes = limitBytes;
  }

  get leftBytes(): number {
    return Math.max(0, this.#limitBytes() - this.#usedBytes);
  }

  /** @param owner the object that holds the bytes. */
  open(owner: object): Holding {
    const holding = new Holding((bytes) => {
      this.#usedBytes += bytes;
    });
    this.#ended.register(owner, holding);
    return holding;
  }
}

export class Holding {
  readonly #use: (bytes: number) => void;
  #bytes = 0;

  constructor(use: (bytes: number) => void) {
    this.#use = use;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Takes the bytes, whether they are left or not. A caller that must not exceed the budget checks `leftBytes` first. */
  take(bytes: number): void {
    this.#bytes += bytes;
    this.#use(bytes);
  }

  give(bytes: number): void {
    this.take(-bytes);
  }

  giveAll(): void {
    this.give(this.#bytes);
  }
}
