// The one session of the embedded database, shared fairly. A participant (a client's connection, the job timer) holds the session
// from its first message until the session reports that no transaction is open. Then the participant goes to the end of the
// queue.
//
// Connections of a real server do not share these things, but connections here do: temporary tables, session-level advisory
// locks, LISTEN. Code that must also run here uses transaction-level locks.

import type { PGlite } from "@electric-sql/pglite";
import { engineCalls, firstError, query, SYNC, transactionStatus, withoutNoise } from "./messages.ts";
import { SessionSettings, switchSettings } from "./settings.ts";

/** While others wait, a transaction may be silent for this long. After that it is rolled back and its connection is closed. */
const IDLE_IN_TRANSACTION_MS = 15_000;

export interface Participant {
  readonly settings: SessionSettings;
  /** Called when the participant gets the session. The participant runs its work with `execute` and calls `yieldTurn`. */
  takeTurn(): void;
  /**
   * Called when the participant held a transaction open and was silent while others waited. Its transaction is already rolled
   * back.
   */
  evict(): void;
}

export interface SessionEvents {
  /** Called once when the engine itself has failed. Nothing can run afterwards. */
  onBroken(fault: unknown): void;
  /** Tells the operator which statement made all participants wait. */
  report(problem: string): void;
}

/** All participants wait while a statement runs. A statement that takes this long is reported. */
const SLOW_STATEMENT_MS = 2_000;

export class Session {
  readonly #database: PGlite;
  readonly #events: SessionEvents;
  readonly #waiting = new Set<Participant>();
  readonly #idleInTransactionMs: number;
  #holder: Participant | undefined;
  #status: "I" | "T" | "E" | "open" = "I";
  /** Undefined until settings are applied for the first time. */
  #settingsName: string | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  #ended = false;
  #executing = false;

  constructor(database: PGlite, events: SessionEvents, idleInTransactionMs = IDLE_IN_TRANSACTION_MS) {
    this.#database = database;
    this.#events = events;
    this.#idleInTransactionMs = idleInTransactionMs;
  }

  /** Asks for a turn. The holder gets it immediately, other participants get it in the order of asking. */
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

  /** Removes the participant from the queue. Returns true if the participant was waiting. */
  withdraw(participant: Participant): boolean {
    return this.#waiting.delete(participant);
  }

  holds(participant: Participant): boolean {
    return this.#holder === participant;
  }

  /**
   * Runs complete messages. Only the holder may call it. `endsCycle` means that the messages end in a Sync or Query, so the
   * answer ends in ReadyForQuery. The bytes of the answer stay valid. `describe` names the statement for the log if it is slow.
   */
  async execute(messages: Uint8Array, endsCycle: boolean, describe?: () => string): Promise<Uint8Array> {
    // A participant that waits for an answer is not silent, however long the answer takes.
    this.#executing = true;
    this.#stopIdleClock();
    await this.#applySettings();
    const answer = await this.#run(messages, describe).finally(() => {
      this.#executing = false;
    });
    this.#status = (endsCycle ? transactionStatus(answer) : undefined) ?? "open";
    return answer;
  }

  /**
   * Runs one statement outside every transaction. Only the holder may call it.
   * @throws the database's error text.
   */
  async executeText(text: string): Promise<void> {
    const error = firstError(await this.execute(query(text), true, () => text));
    if (error !== undefined) throw new Error(error);
  }

  /** Reports that the holder's own statements have brought the session to the holder's current settings. */
  settingsApplied(participant: Participant): void {
    if (this.#holder === participant) this.#settingsName = participant.settings.name;
  }

  /** The holder has nothing more to run now. It keeps the session while its transaction is open. */
  yieldTurn(participant: Participant): void {
    if (this.#holder !== participant) return;
    if (this.#status === "I") {
      this.#holder = undefined;
      this.#next();
    } else {
      this.#watchIdleHolder();
    }
  }

  /** The participant has left. Its open transaction is rolled back and its prepared statements are closed. */
  async leave(participant: Participant, closes: readonly Uint8Array[]): Promise<void> {
    this.#waiting.delete(participant);
    if (this.#holder !== participant || this.#ended) return;
    this.#stopIdleClock();
    await this.#rollBack();
    if (closes.length > 0) await this.#run(Buffer.concat([...closes, SYNC]));
    this.#holder = undefined;
    this.#next();
  }

  /** Nothing runs afterwards, because the engine is about to be closed. */
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
    // One turn of the event loop between two batches, so that sockets are read and timers run.
    setImmediate(() => {
      if (this.#holder === participant) participant.takeTurn();
    });
  }

  /**
   * The timer starts when a participant waits for a silent holder. It ends when the holder sends a message. Further waiting
   * participants do not restart it.
   */
  #watchIdleHolder(): void {
    const holder = this.#holder;
    if (holder === undefined || this.#status === "I" || this.#executing) return;
    if (this.#waiting.size === 0 || this.#idleTimer !== undefined) return;
    this.#idleTimer = setTimeout(() => {
      this.#idleTimer = undefined;
      if (this.#holder !== holder) return;
      this.#events.report(
        `a transaction that was silent for ${this.#idleInTransactionMs} ms was ended because other connections waited`,
      );
      this.leave(holder, [])
        .then(() => holder.evict())
        .catch(() => undefined); // #run has already reported that the engine failed.
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
    // `execProtocol` and not `execProtocolRaw`, because the latter never empties the engine's list of parsed messages.
    const answer = await this.#database.execProtocol(messages, { throwOnError: false, syncToFs: false });
    const hasNotice = answer.messages.some((parsed) => parsed.name === "notice");
    // The engine returns its answer in a buffer that its next answer overwrites.
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
        this.#events.report(`all connections waited ${Math.round(tookMs)} ms for: ${what}`);
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
