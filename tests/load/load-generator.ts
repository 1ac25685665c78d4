// The load generator, in its own process. Closed loop: each connection sends its next request when it has its answer. Open loop:
// requests are due at a constant rate regardless of the server, and latency counts from the time when a request was due. A server
// that stalls therefore cannot hide it (no coordinated omission).

import { performance } from "node:perf_hooks";
import { type Answerer, answerParent } from "./child.ts";
import { type Answer, Connection } from "./connection.ts";
import { EventSource, type LoadKind, RequestTemplate } from "./events.ts";

export interface LoadOrder {
  /** Connections are spread over the ports evenly. */
  ports: readonly number[];
  key: string;
  run: string;
  load: LoadKind;
  /** Each batch is from one device instead of one device per event. */
  oneDevice: boolean;
  batch: number;
  connections: number;
  seconds: number;
  /** Open loop at this many events a second. Null for the closed loop. */
  eventsPerSecond: number | null;
}

export interface LoadResult {
  /** Every sequence number below this number was sent. */
  sent: number;
  acknowledged: number;
  /** First sequence numbers of the requests that were not answered with 200 and every event accepted. */
  failed: number[];
  /** A description of the first failure. Null when there was none. */
  fault: string | null;
  /** From the first request to the last answer. */
  seconds: number;
  /** Milliseconds, sorted. */
  latencies: Float64Array;
}

/** Minimum number of different events per connection, so that the sent events are as mixed as their source. */
const EVENTS_PER_CONNECTION = 40;
/** No two batches in progress have the same bytes. */
const TEMPLATES_PER_CONNECTION_MIN = 2;

class Load {
  readonly #order: LoadOrder;
  readonly #expected: string;
  readonly #source: EventSource;
  readonly #latencies: number[] = [];
  readonly #failed: number[] = [];
  #fault: string | null = null;
  #opened = 0;
  #sent = 0;
  #acknowledged = 0;

  constructor(order: LoadOrder) {
    this.#order = order;
    this.#source = new EventSource(order.load);
    this.#expected = `"accepted":${order.batch},"duplicates":0`;
  }

  async run(): Promise<LoadResult> {
    const { connections, eventsPerSecond } = this.#order;
    const senders = await Promise.all(Array.from({ length: connections }, () => this.#sender()));
    const startedMs = performance.now();
    const endMs = startedMs + this.#order.seconds * 1_000;
    if (eventsPerSecond === null) await Promise.all(senders.map((sender) => this.#closedLoop(sender, endMs)));
    else await this.#openLoop(senders, startedMs, endMs, eventsPerSecond);
    const seconds = (performance.now() - startedMs) / 1_000;
    for (const { connection } of senders) connection.close();
    return {
      sent: this.#sent,
      acknowledged: this.#acknowledged,
      failed: this.#failed,
      fault: this.#fault,
      seconds,
      latencies: Float64Array.from(this.#latencies).sort(),
    };
  }

  async #sender(): Promise<Sender> {
    const { batch, run, ports, key, oneDevice } = this.#order;
    const port = ports[this.#opened++ % ports.length] as number;
    const options = { batch, run, key, oneDevice, host: `127.0.0.1:${port}` };
    const templates = Math.max(TEMPLATES_PER_CONNECTION_MIN, Math.ceil(EVENTS_PER_CONNECTION / batch));
    return {
      port,
      connection: await Connection.open(port),
      templates: Array.from({ length: templates }, () => new RequestTemplate(this.#source, options)),
      turn: 0,
    };
  }

  async #closedLoop(sender: Sender, endMs: number): Promise<void> {
    for (let now = performance.now(); now < endMs; now = performance.now()) await this.#send(sender, now);
  }

  async #openLoop(senders: Sender[], startedMs: number, endMs: number, eventsPerSecond: number): Promise<void> {
    const gapMs = (1_000 * this.#order.batch) / eventsPerSecond;
    const idle = [...senders];
    const underWay = new Set<Promise<void>>();
    for (let index = 0, dueMs = startedMs; dueMs < endMs; index++, dueMs = startedMs + index * gapMs) {
      await waitUntil(dueMs);
      // Connections take turns, so that every isolate is used. If no connection is idle, one is added, as more browsers would
      // arrive. The request stays due at its time.
      const sender = idle.shift() ?? (await this.#addSender(senders));
      const sending: Promise<void> = this.#send(sender, dueMs).then(() => {
        idle.push(sender);
        underWay.delete(sending);
      });
      underWay.add(sending);
    }
    await Promise.all(underWay);
  }

  async #addSender(senders: Sender[]): Promise<Sender> {
    const sender = await this.#sender();
    senders.push(sender);
    return sender;
  }

  async #send(sender: Sender, dueMs: number): Promise<void> {
    const template = sender.templates[sender.turn++ % sender.templates.length] as RequestTemplate;
    const first = this.#sent;
    this.#sent += template.events;
    try {
      if (!sender.connection.isOpen) sender.connection = await Connection.open(sender.port);
      const bytes = template.stamp(first, new Date());
      const answer = await sender.connection.send(bytes);
      if (this.#isWholeSuccess(answer)) this.#acknowledged += template.events;
      else this.#fail(first, `${answer.status}: ${answer.body.slice(0, 300)}`);
    } catch (fault) {
      this.#fail(first, String(fault));
      sender.connection.close();
    }
    this.#latencies.push(performance.now() - dueMs);
  }

  #isWholeSuccess({ status, body }: Answer): boolean {
    return status === 200 && body.includes(this.#expected);
  }

  #fail(first: number, fault: string): void {
    this.#failed.push(first);
    this.#fault ??= fault;
  }
}

interface Sender {
  port: number;
  connection: Connection;
  templates: RequestTemplate[];
  turn: number;
}

/** A timer is up to a millisecond late, so the last part of the wait is a busy loop. */
const AWAKE_MS = 1.5;

async function waitUntil(dueMs: number): Promise<void> {
  const restMs = dueMs - performance.now();
  if (restMs > AWAKE_MS) await new Promise((resolve) => setTimeout(resolve, restMs - AWAKE_MS));
  while (performance.now() < dueMs) await new Promise((resolve) => setImmediate(resolve));
}

const generate: Answerer<LoadOrder, LoadResult> = (order) => new Load(order).run();
answerParent(generate);
