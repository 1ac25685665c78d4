// Finds messages that arrived another way while a duplicate was among the failed events: sent again after the plan was
// corrected, or through another region. The tiers detect duplicates of the last day themselves. A replay may come weeks later,
// when only the warm tier still knows every message by its id.

import type { Sql } from "../database/client.ts";

const DAY_MS = 86_400_000;
/** A message's time is within these bounds around its receipt, except for an import. */
const TIME_BEFORE_RECEIPT_MS = 31 * DAY_MS;
const TIME_AFTER_RECEIPT_MS = 2 * DAY_MS;

export interface AwaitedMessage {
  messageId: string;
  receivedAtMs: number;
}

/** @returns the ids of the messages that the warm tier holds. @throws an infrastructure fault. */
export async function arrivedMessages(
  sql: Sql,
  project: string,
  messages: readonly AwaitedMessage[],
  nowMs: number,
): Promise<Set<string>> {
  if (messages.length === 0) return new Set();
  const received = messages.map(({ receivedAtMs }) => receivedAtMs);
  const from = new Date(Math.max(0, Math.min(...received) - TIME_BEFORE_RECEIPT_MS));
  // It may have been sent again at any time since.
  const to = new Date(Math.max(nowMs, ...received) + TIME_AFTER_RECEIPT_MS);
  const ids = messages.map(({ messageId }) => messageId);
  const rows = await sql<{ message_id: string }[]>`
    select distinct e.message_id
    from unnest(${ids}::text[]) as wanted (message_id)
    join event e on e.project = ${project} and e.message_id = wanted.message_id
    where e.time >= ${from} and e.time < ${to}`;
  return new Set(rows.map((row) => row.message_id));
}
