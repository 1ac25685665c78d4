// Creates an id with the same MurmurHash (contract/src/hash.ts) as another text. Each step of the hash is invertible, so the last
// eight units of the id can be computed. Any attacker can do this.

import { hashId } from "@behaviour/contract";

const C = [0x239b961b, 0xab0e9789, 0x38b34ae5, 0xa1e38b93] as const;
const ADDED = [0x561ccd1b, 0x0bcaa747, 0x96cd1c35, 0x32ac3b17] as const;
const TURNS = [19, 17, 15, 13] as const;
const TURN_OF_KEY = [15, 16, 17, 18] as const;
type State = [number, number, number, number];

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

/** The inverse of an odd number, modulo 2³². */
function inverse(value: number): number {
  let result = value;
  for (let i = 0; i < 5; i++) result = Math.imul(result, 2 - Math.imul(value, result));
  return result;
}

function blockOf(text: string, start: number): number[] {
  const unit = (index: number) => (index < text.length ? text.charCodeAt(index) : 0);
  return [0, 1, 2, 3].map((part) => unit(start + 2 * part) | (unit(start + 2 * part + 1) << 16));
}

function step(state: State, block: readonly number[]): State {
  const next = [...state] as State;
  for (let i = 0; i < 4; i++) {
    const key = Math.imul(
      rotate(Math.imul(block[i] as number, C[i] as number), TURN_OF_KEY[i] as number),
      C[(i + 1) % 4] as number,
    );
    const neighbour = next[(i + 1) % 4] as number;
    const turned = rotate((next[i] as number) ^ key, TURNS[i] as number) + neighbour;
    next[i] = (Math.imul(turned, 5) + (ADDED[i] as number)) | 0;
  }
  return next;
}

function stateOf(text: string): State {
  let state: State = [0x9747b28c, 0x9747b28c, 0x9747b28c, 0x9747b28c];
  for (let i = 0; i < text.length; i += 8) state = step(state, blockOf(text, i));
  return state;
}

/** The block that leads from one state to another. */
function blockBetween(from: State, to: State): number[] {
  const next = [...from] as State;
  return [0, 1, 2, 3].map((i) => {
    const turned = Math.imul((to[i] as number) - (ADDED[i] as number), inverse(5)) - (next[(i + 1) % 4] as number);
    const key = rotate(turned, 32 - (TURNS[i] as number)) ^ (next[i] as number);
    next[i] = to[i] as number;
    const turnedBack = rotate(Math.imul(key, inverse(C[(i + 1) % 4] as number)), 32 - (TURN_OF_KEY[i] as number));
    return Math.imul(turnedBack, inverse(C[i] as number));
  });
}

/** @returns an id that the API accepts and for which `prefix + id` has the same hash as `target` */
export function collidingId(target: string, prefix: string): string {
  for (let attempt = 0; ; attempt++) {
    // A block follows the number, so that the number has changed every part of the state.
    const start = `${prefix}${attempt.toString(36).padStart(8 - (prefix.length % 8), "x")}${"x".repeat(8)}`;
    const length = start.length + 8;
    const wanted = stateOf(target).map((part) => part ^ target.length ^ length) as State;
    const units = blockBetween(stateOf(start), wanted).flatMap((key) => [key & 0xffff, key >>> 16]);
    const text = `${start}${String.fromCharCode(...units)}`;
    const isUsable = text.isWellFormed() && units.every((unit) => unit >= 0x20 && (unit < 0x7f || unit > 0x9f));
    if (!isUsable) continue;
    const [made, meant] = [hashId(text), hashId(target)];
    if (made.high !== meant.high || made.low !== meant.low) throw new Error("the hash has changed");
    return text.slice(prefix.length);
  }
}
