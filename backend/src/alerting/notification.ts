// Builds notifications, and signs webhooks so that a receiver can verify the sender. The signature follows the Standard Webhooks
// specification (https://www.standardwebhooks.com), so that its libraries in every language verify it. Pure.

import { createHmac, hkdfSync } from "node:crypto";
import type { Observation } from "./measure.ts";
import type { AlertChannel } from "./rule.ts";
import type { AlertStanding, Announcement } from "./standing.ts";
import type { RuleRow } from "./store.ts";

const SECRET_BYTES = 32;
const ID_SAFE = /[^\w.-]/g;

export interface Notification {
  /** The same id whenever the same notification is sent again. */
  id: string;
  channel: AlertChannel;
  body: Record<string, unknown>;
}

export type NotificationKind = Announcement | "test";

interface Occasion {
  kind: NotificationKind;
  standing: AlertStanding;
  observation: Observation;
  threshold: number;
  nowMs: number;
}

/** Returns one notification for each channel. */
export function notificationsOf(
  rule: RuleRow,
  { kind, standing, observation, threshold, nowMs }: Occasion,
): Notification[] {
  const body = {
    type: `alert.${kind}`,
    timestamp: new Date(nowMs).toISOString(),
    data: {
      alert: { id: rule.id, name: rule.name, projectId: rule.project, condition: rule.condition },
      state: standing.state,
      since: new Date(standing.sinceMs).toISOString(),
      incident: standing.incident,
      value: observation.value,
      threshold,
      detail: observation.detail,
    },
  };
  // Each reminder is a new notification. The start and the end of an incident are announced once.
  const occurrence = kind === "reminder" || kind === "test" ? `-${nowMs}` : "";
  return rule.channels.map((channel, index) => ({
    id: `${rule.id}-${standing.incident}-${kind}${occurrence}-${index}`.replace(ID_SAFE, ""),
    channel,
    body,
  }));
}

/** The secret is derived, so that no store contains it. @param key the installation's secret */
export function signingSecret(key: string, { id, secretVersion }: Pick<RuleRow, "id" | "secretVersion">): string {
  const bytes = hkdfSync("sha256", key, "", `alert-webhook/${id}/${secretVersion}`, SECRET_BYTES);
  return `whsec_${Buffer.from(bytes).toString("base64")}`;
}

export function signedHeaders(secret: string, id: string, body: string, nowMs: number): Record<string, string> {
  const timestamp = String(Math.floor(nowMs / 1_000));
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  const signature = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
  return {
    "content-type": "application/json",
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": `v1,${signature}`,
  };
}
