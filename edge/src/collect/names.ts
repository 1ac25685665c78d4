// Counts the distinct keys of a body's events. A key that is new to the engine costs twenty times as much as a known key. A body
// can hold 275,000 keys, while real bodies repeat a few hundred. So events that bring new keys above the limit are rejected.

import { LIMITS } from "@behaviour/contract";
import { endOfString } from "../body/json-text.ts";

const QUOTE = 0x22;
const COLON = 0x3a;
const SPACE = 0x20;

/** A power of two, at most half full. */
const PLACES = 64 * 1024;
/** Hashes of the keys seen so far; 0 is a free slot. All bodies share one table, because no code here awaits. */
const table = new Int32Array(PLACES);

/** Unknown to clients, so that no client can construct keys whose hashes collide. */
let seed = 0;
let factor = 0;

export class Names {
  #count = 0;

  constructor() {
    if (seed === 0) {
      const [first, second] = crypto.getRandomValues(new Int32Array(2)) as unknown as [number, number];
      seed = first | 1;
      factor = second | 1;
    }
    table.fill(0);
  }

  /**
   * Counts the keys of one event.
   * @param text its JSON
   * @returns false if this event and the events before it have too many distinct keys.
   */
  add(text: string): boolean {
    for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', at + 1)) {
      const start = at + 1;
      at = endOfString(text, at);
      if (!isBeforeColon(text, at + 1)) continue;
      if (this.#isNew(hashOf(text, start, at)) && ++this.#count > LIMITS.keysPerRequest) return false;
    }
    return true;
  }

  #isNew(hash: number): boolean {
    // Above the limit, keys in the table are still recognized. New keys are not stored, or the table would fill up.
    for (let place = hash >>> 16; ; place = (place + 1) & (PLACES - 1)) {
      if (table[place] === hash) return false;
      if (table[place] !== 0) continue;
      if (this.#count < LIMITS.keysPerRequest) table[place] = hash;
      return true;
    }
  }
}

function isBeforeColon(text: string, start: number): boolean {
  let at = start;
  while (text.charCodeAt(at) <= SPACE) at++;
  return text.charCodeAt(at) === COLON;
}

/** Never 0. Characters beyond the length limit are not hashed: a longer key is not stored anyway. */
function hashOf(text: string, start: number, end: number): number {
  let hash = seed;
  const stop = Math.min(end, start + LIMITS.keyLength);
  for (let at = start; at < stop; at++) hash = Math.imul(hash ^ text.charCodeAt(at), factor);
  hash ^= hash >>> 15;
  return hash === 0 ? QUOTE : hash;
}
