// What the shards of one isolate hold together. Several objects of a class may live in one isolate, and its 128 MB are all there
// is for them: so what one may hold depends on what the others do. Module state is the isolate's.

export class Budget {
  readonly #limitBytes: () => number;
  /** An object ends without a word: what it held is given back once the runtime has forgotten it. */
  readonly #ended = new FinalizationRegistry<Holding>((holding) => holding.giveAll());
  #usedBytes = 0;

  constructor(limitBytes: () => number) {
    this.#limitBytes = limitBytes;
  }

  get leftBytes(): number {
    return Math.max(0, this.#limitBytes() - this.#usedBytes);
  }

  /** For one owner: the object that holds. */
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

  /** Takes so many bytes, whether they are left or not: who must not exceed the budget asks before. */
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
