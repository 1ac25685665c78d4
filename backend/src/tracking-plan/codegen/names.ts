// Makes names for code from names for people: "Order Completed" → OrderCompleted, orderCompleted, order_completed. Pure.

const WORD = /[A-Za-z0-9]+/g;
/** A word starts at a capital after a small letter or digit, and at the last of several capitals: `product|ID`, `HTTP|Error`. */
const HUMP = /(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/;

/** Removes the marks of letters. Characters that are still not ASCII do not become part of a name. */
export function asciiLetters(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/[\u0300-\u036f]/g, "")
    .replaceAll("ß", "ss");
}

function words(text: string): string[] {
  return (asciiLetters(text).match(WORD) ?? []).flatMap((word) => word.split(HUMP));
}

function startsWithLetter(name: string, prefix: string): string {
  return /^[A-Za-z]/.test(name) ? name : `${prefix}${name}`;
}

export function pascalCase(text: string): string {
  const joined = words(text).map((word) => `${word.charAt(0).toUpperCase()}${word.slice(1).toLowerCase()}`);
  return startsWithLetter(joined.join(""), "N");
}

export function camelCase(text: string): string {
  const pascal = pascalCase(text);
  return `${pascal.charAt(0).toLowerCase()}${pascal.slice(1)}`;
}

export function snakeCase(text: string): string {
  const joined = words(text).map((word) => word.toLowerCase());
  return startsWithLetter(joined.join("_"), "n_");
}

export function upperSnakeCase(text: string): string {
  return snakeCase(text).toUpperCase();
}

/** Gives out each name once. Case does not count, because some file systems ignore it. */
export class UniqueNames {
  readonly #taken = new Set<string>();

  /** @param reserved names that are never given out */
  constructor(reserved: Iterable<string> = []) {
    for (const name of reserved) this.#taken.add(name.toLowerCase());
  }

  take(wanted: string): string {
    let name = wanted;
    for (let count = 2; this.#taken.has(name.toLowerCase()); count++) name = `${wanted}${count}`;
    this.#taken.add(name.toLowerCase());
    return name;
  }
}
