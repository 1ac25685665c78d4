// The work that is left after a client disconnected while another client had the session.

import type { Participant, Session } from "./session.ts";
import { SessionSettings } from "./settings.ts";

/** Closes the statements of a client that disconnected while another client had the session. */
export class Leaving implements Participant {
  readonly settings = new SessionSettings();
  readonly #session: Session;
  readonly #closes: Buffer[];

  constructor(session: Session, closes: Buffer[]) {
    this.#session = session;
    this.#closes = closes;
  }

  takeTurn(): void {
    this.#session.leave(this, this.#closes).catch(() => undefined); // The session has already reported that the engine failed.
  }

  evict(): void {}
}
