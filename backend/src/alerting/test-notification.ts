// Sends a notification that is marked as a test to every channel of a rule, immediately.

import type { AlertServices } from "./channel.ts";
import { notificationsOf, signingSecret } from "./notification.ts";
import { boundsOf } from "./rule.ts";
import { initialStanding } from "./standing.ts";
import type { RuleRow } from "./store.ts";

export interface TestedChannel {
  kind: "webhook" | "sns";
  target: string;
  delivered: boolean;
  reason?: string;
}

export async function sendTest(
  rule: RuleRow,
  { send, signingKey }: AlertServices,
  nowMs: number,
): Promise<TestedChannel[]> {
  const notifications = notificationsOf(rule, {
    kind: "test",
    standing: initialStanding(nowMs),
    observation: { value: null, detail: {} },
    threshold: boundsOf(rule.condition).threshold,
    nowMs,
  });
  const secret = signingSecret(signingKey, rule);
  return Promise.all(
    notifications.map(async (notification) => {
      const { channel } = notification;
      const target = channel.kind === "webhook" ? new URL(channel.url).host : channel.topicArn;
      return { kind: channel.kind, target, ...(await send(notification, secret, nowMs)) };
    }),
  );
}
