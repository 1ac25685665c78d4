// Remembers in a ledger object whether the project's ledger is in use. Before the first record of a project no event's ids are
// hashed and no shard keeps a copy. The first record changes this permanently. ADR 009.

export interface Use {
  /** Records of the previous release exist, so ids are also looked up under their legacy entries. */
  legacy: boolean;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS ledger_use (name TEXT PRIMARY KEY) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS watchers (shard TEXT PRIMARY KEY) WITHOUT ROWID;
`;

type Mark =
  | "in-use"
  | "legacy"
  /** The first home knows that the ledger is in use. */
  | "told"
  | "told-legacy"
  /** In the first home: every shard that asked knows it, too. */
  | "announced"
  | "announced-legacy"
  /** In the first home: a shard has asked, and every shard of that time has handed over its records of the previous release. */
  | "asked"
  | "collected";

/** Marks are set and never cleared. */
export class LedgerUse {
  readonly #sql: SqlStorage;
  readonly #marks: Set<string>;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(SCHEMA);
    this.#marks = new Set(
      sql
        .exec<{ name: string }>("SELECT name FROM ledger_use")
        .toArray()
        .map(({ name }) => name),
    );
  }

  note({ legacy }: Use): void {
    this.#set("in-use");
    if (legacy) this.#set("legacy");
  }

  get isInUse(): boolean {
    return this.#marks.has("in-use");
  }

  get current(): Use {
    return { legacy: this.#marks.has("legacy") };
  }

  /** True if the ledger is not in use, because there is nothing to send. */
  get isTold(): boolean {
    return this.#isReached("told");
  }

  told(use: Use): void {
    this.#set("told");
    if (use.legacy) this.#set("told-legacy");
  }

  get isAnnounced(): boolean {
    return this.#isReached("announced");
  }

  announced(use: Use): void {
    this.#set("announced");
    if (use.legacy) this.#set("announced-legacy");
  }

  get isCollected(): boolean {
    return !this.#marks.has("asked") || this.#marks.has("collected");
  }

  collected(): void {
    this.#set("collected");
  }

  watch(shard: string): void {
    this.#set("asked");
    this.#sql.exec("INSERT OR IGNORE INTO watchers (shard) VALUES (?)", shard);
  }

  watchers(): string[] {
    return this.#sql
      .exec<{ shard: string }>("SELECT shard FROM watchers")
      .toArray()
      .map(({ shard }) => shard);
  }

  #isReached(step: "told" | "announced"): boolean {
    if (this.#marks.has("in-use") && !this.#marks.has(step)) return false;
    return !this.#marks.has("legacy") || this.#marks.has(`${step}-legacy`);
  }

  #set(mark: Mark): void {
    if (this.#marks.has(mark)) return;
    this.#marks.add(mark);
    this.#sql.exec("INSERT OR IGNORE INTO ledger_use (name) VALUES (?)", mark);
  }
}
