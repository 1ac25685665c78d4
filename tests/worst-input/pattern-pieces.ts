// The texts that a regular expression looks for, as short pieces: the beginnings of its matches, one character of each class,
// each of its alternatives. They are derived from its source, so that nobody has to invent a pattern's worst inputs.

interface Item {
  /** A text that the pattern matches once. */
  sample: string;
  /** Texts of the pattern's parts and of its alternatives. */
  parts: string[];
}

export function piecesOf(source: string): string[] {
  const reader = new Reader(source);
  const { sequence, parts } = reader.alternatives();
  const pieces = new Set<string>();
  let prefix = "";
  for (const { sample } of sequence) {
    prefix += sample;
    pieces.add(prefix);
    pieces.add(sample);
  }
  for (const part of parts) pieces.add(part);
  return [...pieces].filter((piece) => piece !== "").slice(0, PIECES_MAX);
}

/** The beginnings come first. */
const PIECES_MAX = 24;

class Reader {
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  /** Up to the end of the group. The first alternative becomes the sequence, the other alternatives become parts. */
  alternatives(): { sequence: Item[]; parts: string[] } {
    const sequence = this.#sequence();
    const parts = sequence.flatMap((item) => item.parts);
    while (this.#source[this.#at] === "|") {
      this.#at++;
      const other = this.#sequence();
      parts.push(other.map(({ sample }) => sample).join(""), ...other.flatMap((item) => item.parts));
    }
    return { sequence, parts };
  }

  #sequence(): Item[] {
    const items: Item[] = [];
    while (this.#at < this.#source.length && this.#source[this.#at] !== "|" && this.#source[this.#at] !== ")") {
      const item = this.#item();
      const times = this.#quantifier();
      items.push({ sample: item.sample.repeat(times), parts: [item.sample, ...item.parts] });
    }
    return items;
  }

  #item(): Item {
    const sign = this.#source[this.#at++] as string;
    if (sign === "(") return this.#group();
    if (sign === "[") return single(this.#charClass());
    if (sign === "\\") return single(this.#escape());
    if (sign === "^" || sign === "$") return single("");
    return single(sign === "." ? "x" : sign);
  }

  #group(): Item {
    const kind = /^\?(?:[:=!]|<[=!]|<\w+>)/.exec(this.#source.slice(this.#at))?.[0] ?? "";
    this.#at += kind.length;
    const { sequence, parts } = this.alternatives();
    this.#at++;
    // A lookaround is not part of the match.
    const isAround = kind !== "" && kind !== "?:" && !kind.endsWith(">");
    return { sample: isAround ? "" : sequence.map(({ sample }) => sample).join(""), parts };
  }

  /** One character of the class. */
  #charClass(): string {
    const isNegated = this.#source[this.#at] === "^";
    if (isNegated) this.#at++;
    const members: string[] = [];
    while (this.#source[this.#at] !== "]") {
      const sign = this.#source[this.#at++] as string;
      members.push(sign === "\\" ? this.#escape() : sign);
    }
    this.#at++;
    if (!isNegated) return members.find((member) => member !== "") ?? "a";
    return ["a", "1", " ", "-"].find((one) => !members.includes(one)) ?? "é";
  }

  /** After a backslash. */
  #escape(): string {
    const sign = this.#source[this.#at++] as string;
    const rest = this.#source.slice(this.#at);
    const hex = sign === "u" ? /^[0-9a-f]{4}/i.exec(rest) : sign === "x" ? /^[0-9a-f]{2}/i.exec(rest) : null;
    if (hex !== null) {
      this.#at += hex[0].length;
      return String.fromCharCode(Number.parseInt(hex[0], 16));
    }
    if (sign === "p" || sign === "P") this.#at += /^\{[^}]*\}/.exec(rest)?.[0].length ?? 0;
    const samples: Record<string, string> = {
      d: "1",
      w: "a",
      s: " ",
      p: "a",
      P: " ",
      D: "a",
      W: " ",
      S: "a",
      b: "",
      B: "",
      n: "\n",
      t: "\t",
      r: "\r",
    };
    // A reference to a group: any separator.
    return /\d/.test(sign) ? "-" : (samples[sign] ?? sign);
  }

  /** @returns how often the quantifier's item is in a sample. */
  #quantifier(): number {
    const found = /^(?:[*+?]|\{(\d+)(?:,\d*)?\})\??/.exec(this.#source.slice(this.#at));
    if (found === null) return 1;
    this.#at += found[0].length;
    return Math.max(1, Number(found[1] ?? 1));
  }
}

function single(sample: string): Item {
  return { sample, parts: sample === "" ? [] : [sample] };
}
