// How many different keys the events of a body have. A key that the engine has not seen yet costs it twenty times one that it has,
// and a body can bring 275,000 of them; real ones repeat a few hundred. So beyond a number events that bring new ones are refused.

import { LIMITS } from "@behaviour/contract";
import { endOfString } from "../body/json-text.ts";

const QUOTE = 0x22;
const COLON = 0x3a;
const SPACE = 0x20;

/** A power of two, at most half full. */
const PLACES = 64 * 1024;
/** Hashes of the keys that were seen; 0 is a free place. One for all bodies: nothing here awaits. */
const table = new Int32Array(PLACES);

/** Unknown to clients, so that nobody can make keys that hash alike. */
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
   * @returns false when they are too many with those of the events before.
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
    // Beyond the limit keys that were seen are still known; new ones are not remembered, or the table would fill up.
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

/** Never 0. Longer keys than an event may have tell nothing new. */
function hashOf(text: string, start: number, end: number): number {
  let hash = seed;
  const stop = Math.min(end, start + LIMITS.keyLength);
  for (let at = start; at < stop; at++) hash = Math.imul(hash ^ text.charCodeAt(at), factor);
  hash ^= hash >>> 15;
  return hash === 0 ? QUOTE : hash;
}
