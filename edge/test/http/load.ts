// Runs clients in Node that retry each batch until it is answered with 200, as every library does, and record the sent ids.

import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { ListeningWorker } from "./worker.ts";

const BATCH_EVENTS = 10;
const CLIENTS = 6;
const PAUSE_MS = 15;
const RETRY_AFTER_MS = 100;
const ANSWER_WITHIN_MS = 15_000;

export interface Sent {
  /** The sent ids. Each was answered with 200, as accepted or as a duplicate. */
  ids: Set<string>;
  accepted: number;
  duplicates: number;
  /** Answers other than 200 by status and code; `0` if there was no answer. */
  refusals: Map<string, number>;
}

/** Sends while `goOn` returns true, and resolves when every event is acknowledged. */
export async function sendWhile(worker: ListeningWorker, goOn: () => boolean): Promise<Sent> {
  const sent: Sent = { ids: new Set(), accepted: 0, duplicates: 0, refusals: new Map() };
  const client = async () => {
    while (goOn()) {
      await deliver(worker, sent);
      await delay(PAUSE_MS);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return sent;
}

async function deliver(worker: ListeningWorker, sent: Sent): Promise<void> {
  const ids = Array.from({ length: BATCH_EVENTS }, () => randomUUID());
  const timestamp = new Date().toISOString();
  const batch = ids.map((messageId) => ({ type: "track", event: "Sent", anonymousId: "device", messageId, timestamp }));
  for (const id of ids) sent.ids.add(id);
  for (let tries = 0; ; tries++) {
    const { status, code, accepted, duplicates } = await post(worker, { batch }, tries);
    if (status === 200) {
      if (accepted + duplicates !== ids.length) throw new Error(`${accepted} + ${duplicates} of ${ids.length} events`);
      sent.accepted += accepted;
      sent.duplicates += duplicates;
      return;
    }
    const name = code === undefined ? String(status) : `${status} ${code}`;
    sent.refusals.set(name, (sent.refusals.get(name) ?? 0) + 1);
    await delay(RETRY_AFTER_MS);
  }
}

interface Answer {
  status: number;
  code?: string;
  accepted: number;
  duplicates: number;
}

async function post(worker: ListeningWorker, body: object, tries: number): Promise<Answer> {
  try {
    const answer = await fetch(`${worker.origin}/v1/batch`, {
      method: "POST",
      headers: { "X-API-Key": worker.key, ...(tries > 0 ? { "X-Retry-Count": String(tries) } : {}) },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    const text = await answer.text();
    const parsed = text.startsWith("{") ? (JSON.parse(text) as Omit<Answer, "status">) : { accepted: 0, duplicates: 0 };
    return { ...parsed, status: answer.status };
  } catch {
    // There is no answer, because the connection was cut.
    return { status: 0, accepted: 0, duplicates: 0 };
  }
}
