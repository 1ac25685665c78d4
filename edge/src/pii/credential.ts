// Finds credentials in addresses. A parameter counts if its name says that its value is personal or secret. It is found from each
// `=` back to the name and on to the value's end. User and password before a host are found from each `://`. A value ends at a
// separator that is encoded no deeper than the parameter: `?next=%2Fr%3Ftoken%3Dabc%26page%3D2` holds a `token` of `abc`.

import { EDGE_PII_CLASSES, type PlainText } from "@behaviour/contract";
import { maskOf, PII, type PiiRange } from "./classes.ts";
import { isNameUnit, mayEndName, NAME_MAX, shapeOfValue, startOfName } from "./parameter-names.ts";
import { hasShape } from "./secret-shape.ts";
import { endsAddress, isAlphanumeric, SPACE, unitAt } from "./units.ts";

const MASK = maskOf("credential");
const MASKS: ReadonlySet<string> = new Set(EDGE_PII_CLASSES.map(maskOf));

const MASK_MAX = MASK.length;

/** The length is checked first, because a lookup in a set reads the whole text. */
function isMask(text: string): boolean {
  return text.length <= MASK_MAX && MASKS.has(text);
}

const AMPERSAND = 0x26;
const HASH = 0x23;
const QUESTION = 0x3f;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const SLASH = 0x2f;
const BACKSLASH = 0x5c;
const AT = 0x40;

/** @param bits the classes to search for; @returns unordered ranges, which may overlap */
export function findCredentials(text: PlainText, bits: number): PiiRange[] {
  const ranges: PiiRange[] = [];
  if ((bits & PII.parameter) !== 0) new Parameters(text).find(ranges);
  if ((bits & PII.userInfo) !== 0) findUserInfo(text, ranges);
  return ranges;
}

class Parameters {
  readonly #plain: string;
  readonly #depths: Uint8Array | null;
  /** The end of the current value, by the depth of its parameter's encoding: values nest in values and share an end. */
  readonly #ends = new Map<number, number>();
  #hasBlank: boolean | null = null;
  #query: number | null = null;

  constructor({ plain, depths }: PlainText) {
    this.#plain = plain;
    this.#depths = depths;
  }

  find(ranges: PiiRange[]): void {
    const plain = this.#plain;
    for (let equals = plain.indexOf("="); equals >= 0; ) {
      const end = this.#endOfSecret(equals);
      if (end !== null) ranges.push({ start: equals + 1, end, by: MASK });
      equals = plain.indexOf("=", end ?? equals + 1);
    }
  }

  /** @returns null if the parameter's value is not a secret. */
  #endOfSecret(equals: number): number | null {
    const plain = this.#plain;
    if (!mayEndName(plain, equals)) return null;
    const start = startOfName(plain, equals);
    const separator = this.#separatorBefore(start, equals - start);
    if (separator === null) return null;
    const name = plain.slice(start, equals);
    // A mask in place of a name does not describe a value.
    const shape = isMask(name) ? null : shapeOfValue(name);
    if (shape === null) return null;
    const end = this.#endOfValue(equals, separator);
    if (end === equals + 1) return null;
    const value = plain.slice(equals + 1, end);
    return !isMask(value) && hasShape(value, shape) ? end : null;
  }

  /**
   * The position of the separator before a name; -1 for the text's beginning; null if there is none and the name is no
   * parameter.
   */
  #separatorBefore(start: number, nameLength: number): number | null {
    if (nameLength === 0) return null;
    // The text may be a query without its question mark.
    if (start === 0) return this.#isOneWord() ? -1 : null;
    const before = unitAt(this.#plain, start - 1);
    if (nameLength === NAME_MAX && isNameUnit(before)) return start - 1;
    if (before === QUESTION || before === AMPERSAND || before === HASH || before === SEMICOLON) return start - 1;
    // Cookies are separated by a semicolon and a space.
    return before === SPACE && unitAt(this.#plain, start - 2) === SEMICOLON ? start - 2 : null;
  }

  #isOneWord(): boolean {
    if (this.#hasBlank === null) {
      const { length } = this.#plain;
      let at = 0;
      while (at < length && !endsAddress(this.#plain.charCodeAt(at))) at++;
      this.#hasBlank = at < length;
    }
    return !this.#hasBlank;
  }

  #depth(at: number): number {
    return at < 0 ? 0 : (this.#depths?.[at] ?? 0);
  }

  #endOfValue(equals: number, separator: number): number {
    const plain = this.#plain;
    const depth = Math.max(this.#depth(equals), this.#depth(separator));
    const isMatrix = this.#isMatrix(separator);
    const kind = depth * 2 + (isMatrix ? 1 : 0);
    const known = this.#ends.get(kind);
    if (known !== undefined && known > equals) return known;
    let end = equals + 1;
    while (end < plain.length && !(this.#depth(end) <= depth && this.#endsValue(end, isMatrix))) end++;
    this.#ends.set(kind, end);
    return end;
  }

  /** `/path;jsessionid=…/next`: a parameter before the query. `&amp;` and cookies do not count. */
  #isMatrix(separator: number): boolean {
    const plain = this.#plain;
    if (unitAt(plain, separator) !== SEMICOLON || unitAt(plain, separator + 1) === SPACE) return false;
    this.#query ??= plain.indexOf("?");
    return (this.#query < 0 || this.#query > separator) && !plain.startsWith("&amp", separator - 4);
  }

  #endsValue(at: number, isMatrix: boolean): boolean {
    const unit = this.#plain.charCodeAt(at);
    if (unit === AMPERSAND || unit === HASH || endsAddress(unit)) return true;
    if (unit === SEMICOLON) return isMatrix || this.#endsAtSemicolon(at);
    return isMatrix && (unit === SLASH || unit === QUESTION);
  }

  /** A semicolon can be a part of a password or a separator of parameters. */
  #endsAtSemicolon(semicolon: number): boolean {
    let at = semicolon + 1;
    if (at === this.#plain.length || endsAddress(unitAt(this.#plain, at))) return true;
    while (at - semicolon <= NAME_MAX && isNameUnit(unitAt(this.#plain, at))) at++;
    return at > semicolon + 1 && unitAt(this.#plain, at) === EQUALS;
  }
}

/** Finds the user and the password before a host: `https://ada:secret@host/`. */
function findUserInfo({ plain, depths }: PlainText, ranges: PiiRange[]): void {
  for (let at = plain.indexOf("://"); at >= 0; at = plain.indexOf("://", at + 3)) {
    if (!isAlphanumeric(unitAt(plain, at - 1))) continue;
    const depth = depths?.[at] ?? 0;
    const start = at + 3;
    let host = start;
    for (let end = start; end < plain.length; end++) {
      if ((depths?.[end] ?? 0) > depth) continue;
      const unit = plain.charCodeAt(end);
      if (unit === AT) host = end + 1;
      else if (unit === SLASH || unit === QUESTION || unit === HASH || unit === BACKSLASH || endsAddress(unit)) break;
    }
    if (host > start) ranges.push({ start, end: host, by: "" });
  }
}
