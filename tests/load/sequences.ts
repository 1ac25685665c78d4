// Which events of a run were seen, and how often. One bit per event, because a soak test sends hundreds of thousands.

export class Sequences {
  /** Distinct events, and copies after the first of each event. */
  distinct = 0;
  copies = 0;
  #bits = new Uint8Array(1 << 16);

  add(sequence: number): void {
    const at = sequence >> 3;
    const bit = 1 << (sequence & 7);
    while (at >= this.#bits.length) this.#grow();
    const byte = this.#bits[at] as number;
    if (byte & bit) this.copies++;
    else this.distinct++;
    this.#bits[at] = byte | bit;
  }

  #grow(): void {
    const larger = new Uint8Array(this.#bits.length * 2);
    larger.set(this.#bits);
    this.#bits = larger;
  }
}
