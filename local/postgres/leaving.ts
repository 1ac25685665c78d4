// What is left to do for a client that vanished while another one had the session.

import type { Participant, Session } from "./session.ts";
import { SessionSettings } from "./settings.ts";

/** Closes the statements of a client that left while another one had the session. */
export class Leaving implements Participant {
  readonly settings = new SessionSettings();
  readonly #session: Session;
  readonly #closes: Buffer[];

  constructor(session: Session, closes: Buffer[]) {
    this.#session = session;
    this.#closes = closes;
  }

  takeTurn(): void {
    this.#session.leave(this, this.#closes).catch(() => undefined); // A broken engine has been reported by the session.
  }

  evict(): void {}
}
