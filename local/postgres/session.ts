// The one session of the embedded database, handed round fairly. A participant (a client's connection, the job timer) keeps it
// from its first message until the session reports that no transaction is open, then goes to the end of the queue.
//
// What connections of a real server do not share but these do: temporary tables, session-level advisory locks, LISTEN. Code
// that must also run here uses transaction-level locks.

import type { PGlite } from "@electric-sql/pglite";
import { engineCalls, firstError, query, SYNC, transactionStatus, withoutNoise } from "./messages.ts";
import { SessionSettings, switchSettings } from "./settings.ts";

/** With others waiting, a transaction may be silent for this long; then it is rolled back and its connection closed. */
const IDLE_IN_TRANSACTION_MS = 15_000;

export interface Participant {
  readonly settings: SessionSettings;
  /** Called when the session is the participant's: it runs what it has by `execute` and calls `yieldTurn`. */
  takeTurn(): void;
  /** Called when it held a transaction open and said nothing while others waited; its transaction is rolled back already. */
  evict(): void;
}

export interface SessionEvents {
  /** Told once when the engine itself has failed: nothing can be run afterwards. */
  onBroken(fault: unknown): void;
  /** For the operator: what kept everybody waiting. */
  report(problem: string): void;
}

/** Everybody waits while a statement runs: one this slow is reported. */
const SLOW_STATEMENT_MS = 2_000;

export class Session {
  readonly #database: PGlite;
  readonly #events: SessionEvents;
  readonly #waiting = new Set<Participant>();
  readonly #idleInTransactionMs: number;
  #holder: Participant | undefined;
  #status: "I" | "T" | "E" | "open" = "I";
  /** Undefined until settings were applied for the first time. */
  #settingsName: string | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  #ended = false;
  #executing = false;

  constructor(database: PGlite, events: SessionEvents, idleInTransactionMs = IDLE_IN_TRANSACTION_MS) {
    this.#database = database;
    this.#events = events;
    this.#idleInTransactionMs = idleInTransactionMs;
  }

  /** Asks for a turn; the holder gets it at once, others in the order of asking. */
  requestTurn(participant: Participant): void {
    if (this.#ended) return;
    if (this.#holder === participant) {
      this.#stopIdleClock();
      setImmediate(() => this.#holder === participant && participant.takeTurn());
      return;
    }
    this.#waiting.add(participant);
    if (this.#holder === undefined) this.#next();
    else this.#watchIdleHolder();
  }

  /** Takes the participant out of the queue. True when it waited there. */
  withdraw(participant: Participant): boolean {
    return this.#waiting.delete(participant);
  }

  holds(participant: Participant): boolean {
    return this.#holder === participant;
  }

  /**
   * Runs whole messages; only the holder may. `endsCycle`: they end in a Sync or Query, so the answer ends in ReadyForQuery.
   * The answer's bytes stay valid. `describe` names the statement for the log, should it be slow.
   */
  async execute(messages: Uint8Array, endsCycle: boolean, describe?: () => string): Promise<Uint8Array> {
    // Whoever waits for an answer is not silent, however long it takes.
    this.#executing = true;
    this.#stopIdleClock();
    await this.#applySettings();
    const answer = await this.#run(messages, describe).finally(() => {
      this.#executing = false;
    });
    this.#status = (endsCycle ? transactionStatus(answer) : undefined) ?? "open";
    return answer;
  }

  /** Runs one statement outside every transaction; only the holder may. @throws the database's error text. */
  async executeText(text: string): Promise<void> {
    const error = firstError(await this.execute(query(text), true, () => text));
    if (error !== undefined) throw new Error(error);
  }

  /** Says that the holder's own statements have just brought the session to what its settings are now. */
  settingsApplied(participant: Participant): void {
    if (this.#holder === participant) this.#settingsName = participant.settings.name;
  }

  /** The holder has nothing more to run now. Keeps the session for it while its transaction is open. */
  yieldTurn(participant: Participant): void {
    if (this.#holder !== participant) return;
    if (this.#status === "I") {
      this.#holder = undefined;
      this.#next();
    } else {
      this.#watchIdleHolder();
    }
  }

  /** The participant is gone: what it left open is rolled back and what it prepared is closed. */
  async leave(participant: Participant, closes: readonly Uint8Array[]): Promise<void> {
    this.#waiting.delete(participant);
    if (this.#holder !== participant || this.#ended) return;
    this.#stopIdleClock();
    await this.#rollBack();
    if (closes.length > 0) await this.#run(Buffer.concat([...closes, SYNC]));
    this.#holder = undefined;
    this.#next();
  }

  /** Nothing runs afterwards: the engine is about to be closed. */
  end(): void {
    this.#ended = true;
    this.#stopIdleClock();
  }

  async #rollBack(): Promise<void> {
    if (this.#status === "open") this.#status = transactionStatus(await this.#run(SYNC)) ?? "I";
    if (this.#status !== "I") await this.#run(query("ROLLBACK"));
    this.#status = "I";
  }

  #next(): void {
    this.#stopIdleClock();
    const [participant] = this.#waiting;
    if (participant === undefined || this.#ended) return;
    this.#waiting.delete(participant);
    this.#holder = participant;
    // A turn of the event loop between two batches, so that sockets are read and timers run.
    setImmediate(() => {
      if (this.#holder === participant) participant.takeTurn();
    });
  }

  /** Runs from when somebody waits for a silent holder until the holder speaks, however many come to wait meanwhile. */
  #watchIdleHolder(): void {
    const holder = this.#holder;
    if (holder === undefined || this.#status === "I" || this.#executing) return;
    if (this.#waiting.size === 0 || this.#idleTimer !== undefined) return;
    this.#idleTimer = setTimeout(() => {
      this.#idleTimer = undefined;
      if (this.#holder !== holder) return;
      this.#events.report(`a transaction that was silent for ${this.#idleInTransactionMs} ms was ended: others waited`);
      this.leave(holder, [])
        .then(() => holder.evict())
        .catch(() => undefined); // A broken engine has been reported by #run.
    }, this.#idleInTransactionMs);
  }

  #stopIdleClock(): void {
    clearTimeout(this.#idleTimer);
    this.#idleTimer = undefined;
  }

  async #applySettings(): Promise<void> {
    const wanted = this.#holder?.settings;
    if (wanted === undefined || this.#status !== "I" || wanted.name === this.#settingsName) return;
    const { name } = wanted;
    for (const statements of switchSettings(wanted)) await this.#run(query(statements));
    this.#settingsName = name;
  }

  async #call(messages: Uint8Array): Promise<Uint8Array> {
    // `execProtocol`, not `execProtocolRaw`: the latter never empties the engine's list of parsed messages.
    const answer = await this.#database.execProtocol(messages, { throwOnError: false, syncToFs: false });
    const hasNotice = answer.messages.some((parsed) => parsed.name === "notice");
    // The engine answers in a buffer that its next answer overwrites.
    return hasNotice ? withoutNoise(answer.data) : answer.data.slice();
  }

  async #run(messages: Uint8Array, describe?: () => string): Promise<Uint8Array> {
    if (this.#ended) throw new Error("the database has ended");
    const startMs = performance.now();
    try {
      const answers: Uint8Array[] = [];
      for (const call of engineCalls(messages)) answers.push(await this.#call(call));
      const tookMs = performance.now() - startMs;
      if (tookMs > SLOW_STATEMENT_MS) {
        const what = describe?.() ?? "a statement of the server's own";
        this.#events.report(`everybody waited ${Math.round(tookMs)} ms for: ${what}`);
      }
      const [first] = answers;
      return first !== undefined && answers.length === 1 ? first : Buffer.concat(answers);
    } catch (fault) {
      this.#ended = true;
      this.#events.onBroken(fault);
      throw fault;
    }
  }
}
