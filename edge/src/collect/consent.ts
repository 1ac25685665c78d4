// Computes the possible outcomes of each event before the ledger is read: one outcome for every state that the ledger can have.
// Events that every state would drop are dropped and counted here. The shard makes the final decision on all other events.

import type { ConsentOutcome, StoredConsent } from "@behaviour/contract";
import { isObject, type KeyRecord } from "@behaviour/contract";
import type { ConsentPolicy, Regime, Signals } from "../consent/decide.ts";
import { callerCountry, callerRegime } from "../consent/regimes.ts";
import { clientSignals, headerSignals, type SignalSettings } from "../consent/signals.ts";
import { type ConsentTable, consentTable, FREEST_STATE, outcomeOf } from "../consent/table.ts";
import type { JudgedEvent } from "./judge.ts";
import { likelyState } from "./likely-state.ts";
import type { NamedIds } from "./subjects.ts";

export interface ConsentedEvent extends JudgedEvent {
  table: ConsentTable;
  /** The outcome for the ledger's likely state. For `drop`, the shard is asked first, without the event's content. */
  consent: ConsentOutcome;
  /** The ids as sent, if the event itself has lost them (cookieless) or was not parsed (ordinary). */
  ids?: NamedIds;
}

/** An event that is packed. */
export interface StorableEvent extends ConsentedEvent {
  consent: StoredConsent;
  /** The event before it was made cookieless or restricted. */
  whole?: ConsentedEvent;
}

/** Numbers of dropped events by reason: `<regime>/<purpose>:<source>`. */
export type DropCounts = Map<string, number>;

export interface Consented {
  events: ConsentedEvent[];
  dropped: DropCounts;
  suppressed: number;
  regime: Regime;
}

/** Gives each event its table and its likely outcome. */
export function consent(
  events: readonly JudgedEvent[],
  request: Request,
  key: KeyRecord,
  receivedAtMs: number,
): Consented {
  const tables = new Tables(request, key);
  const consented: Consented = { events: [], dropped: new Map(), suppressed: 0, regime: tables.regime };
  for (const event of events) {
    const own = event.isOrdinary === true ? undefined : ownSignals(event.event);
    const table = own === undefined ? tables.common : tables.of(own);
    const best = outcomeOf(table.codes[FREEST_STATE] as number);
    if (best === "drop") countDrop(consented, table, FREEST_STATE);
    else {
      const of = event as ConsentedEvent;
      const likely = likelyState(key.project, of.ids ?? of.event, receivedAtMs);
      of.table = table;
      of.consent = outcomeOf(table.codes[likely] as number);
      consented.events.push(of);
    }
  }
  return consented;
}

function ownSignals({ context }: JudgedEvent["event"]): unknown {
  return isObject(context) ? context.consent : undefined;
}

/** Counts one event that is dropped because of the ledger's state (or the lack of a state). */
export function countDrop(
  into: { dropped: DropCounts; suppressed: number; regime: Regime },
  table: ConsentTable,
  state: number,
): void {
  into.suppressed++;
  const denied = table.decisions[state]?.reasons.find(({ purpose }) => purpose === "analytics");
  const reason = `${into.regime}/${denied === undefined ? "unknown" : `${denied.purpose}:${denied.source}`}`;
  into.dropped.set(reason, (into.dropped.get(reason) ?? 0) + 1);
}

/** The tables of one request. Almost always there is only one table, which depends on the headers alone. */
class Tables {
  readonly regime: Regime;
  /** The table of events without consent signals of their own. */
  readonly common: ConsentTable;
  readonly #headers: { gpc: boolean; dnt: boolean };
  readonly #policy: ConsentPolicy;
  readonly #settings: SignalSettings;
  readonly #byClient = new Map<string, ConsentTable>();
  /** A batch's own context gives all its events the same object, which is read once. */
  readonly #byObject = new Map<unknown, ConsentTable>();

  constructor(request: Request, { settings }: KeyRecord) {
    this.regime = callerRegime(callerCountry(request), settings);
    this.#headers = headerSignals(request.headers);
    this.#policy = { whenAnalyticsDenied: settings.whenAnalyticsDenied ?? "drop" };
    this.#settings = {
      categories: settings.consentCategories ?? {},
      legitimateInterest: settings.legitimateInterest ?? false,
    };
    this.common = commonTable(this.#headers, this.regime, this.#policy);
  }

  of(consent: unknown): ConsentTable {
    let table = this.#byObject.get(consent);
    if (table === undefined) {
      table = this.#read(consent);
      this.#byObject.set(consent, table);
    }
    return table;
  }

  #read(consent: unknown): ConsentTable {
    const client = clientSignals(consent, this.#settings);
    const name = JSON.stringify(client);
    let table = this.#byClient.get(name);
    if (table === undefined) {
      table = consentTable({ ...this.#headers, client }, this.regime, this.#policy);
      this.#byClient.set(name, table);
    }
    return table;
  }
}

const COMMON = new Map<string, ConsentTable>();

/** The table of headers, regime and policy without any client signal. Each isolate creates the few such tables once. */
function commonTable(headers: { gpc: boolean; dnt: boolean }, regime: Regime, policy: ConsentPolicy): ConsentTable {
  const name = `${headers.gpc}${headers.dnt}${regime}${policy.whenAnalyticsDenied}`;
  let table = COMMON.get(name);
  if (table === undefined) {
    const signals: Omit<Signals, "ledger"> = { ...headers, client: [] };
    table = consentTable(signals, regime, policy);
    COMMON.set(name, table);
  }
  return table;
}
