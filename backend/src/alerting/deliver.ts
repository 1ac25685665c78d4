// Sends the notifications that the evaluation stored, until they are delivered or hours of attempts have failed. A run first
// claims a notification for a short time, so that two runs do not both send it. If the run crashes, the next run sends it after
// the claim expires. A receiver may still get a notification twice, under the same id.

import { and, eq, inArray, isNull, lt, lte, sql } from "drizzle-orm";
import type { Database } from "../database/client.ts";
import type { AlertServices } from "./channel.ts";
import { signingSecret } from "./notification.ts";
import { alertNotification, alertRule } from "./schema.ts";

const CLAIM_MS = 60_000;
/** Time for one attempt with its deadline, and for storing the outcome. */
const ATTEMPT_MS = 15_000;
const AT_ONCE = 4;
const FIRST_PAUSE_MS = 30_000;
const PAUSE_MAX_MS = 3_600_000;
/** With the pauses above, these attempts take some eight hours. */
const ATTEMPTS_MAX = 14;
const KEPT_MS = 30 * 24 * 3_600_000;

export interface DeliveryParts extends AlertServices {
  database: Database;
  nowMs: () => number;
  random?: () => number;
}

export interface DeliveryCounts {
  delivered: number;
  undelivered: number;
  givenUp: number;
}

/** @throws the database's fault. */
export async function deliverDue(parts: DeliveryParts, remainingMs: () => number): Promise<DeliveryCounts> {
  const counts = { delivered: 0, undelivered: 0, givenUp: 0 };
  while (remainingMs() > ATTEMPT_MS) {
    const claimed = await claim(parts);
    if (claimed.length === 0) break;
    await Promise.all(
      claimed.map(async (claimedOne) => {
        counts[await attempt(parts, claimedOne)]++;
      }),
    );
  }
  await parts.database
    .delete(alertNotification)
    .where(lt(alertNotification.createdAt, new Date(parts.nowMs() - KEPT_MS)));
  return counts;
}

type Claimed = typeof alertNotification.$inferSelect & { secretVersion: number };

async function claim({ database, nowMs }: DeliveryParts): Promise<Claimed[]> {
  const now = new Date(nowMs());
  const isDue = and(
    isNull(alertNotification.deliveredAt),
    isNull(alertNotification.givenUpAt),
    lte(alertNotification.dueAt, now),
  );
  const due = database
    .select({ id: alertNotification.id })
    .from(alertNotification)
    .where(isDue)
    .orderBy(alertNotification.dueAt)
    .limit(AT_ONCE);
  const rows = await database
    .update(alertNotification)
    .set({ attempts: sql`${alertNotification.attempts} + 1`, dueAt: new Date(now.getTime() + CLAIM_MS) })
    // The condition is repeated here: the second of two concurrent claims sees the row as the first left it, and skips it.
    .where(and(inArray(alertNotification.id, due), isDue))
    .returning();
  if (rows.length === 0) return [];
  const rules = await database
    .select({ id: alertRule.id, secretVersion: alertRule.secretVersion })
    .from(alertRule)
    .where(inArray(alertRule.id, [...new Set(rows.map(({ rule }) => rule))]));
  const versions = new Map(rules.map(({ id, secretVersion }) => [id, secretVersion]));
  return rows.flatMap((row) => {
    const secretVersion = versions.get(row.rule);
    return secretVersion === undefined ? [] : [{ ...row, secretVersion }];
  });
}

async function attempt(parts: DeliveryParts, notification: Claimed): Promise<keyof DeliveryCounts> {
  const { database, send, signingKey, nowMs, random = Math.random } = parts;
  const { id, rule, channel, body, attempts, secretVersion } = notification;
  const secret = signingSecret(signingKey, { id: rule, secretVersion });
  const delivery = await send({ id, channel, body }, secret, nowMs());
  const finish = (values: Partial<typeof alertNotification.$inferInsert>) =>
    database.update(alertNotification).set(values).where(eq(alertNotification.id, id));
  if (delivery.delivered) {
    await finish({ deliveredAt: new Date(nowMs()), lastError: null });
    return "delivered";
  }
  if (attempts >= ATTEMPTS_MAX) {
    await finish({ givenUpAt: new Date(nowMs()), lastError: delivery.reason });
    return "givenUp";
  }
  const pauseMs = Math.min(PAUSE_MAX_MS, FIRST_PAUSE_MS * 2 ** (attempts - 1)) * (0.75 + random() / 2);
  await finish({ dueAt: new Date(nowMs() + pauseMs), lastError: delivery.reason });
  return "undelivered";
}
