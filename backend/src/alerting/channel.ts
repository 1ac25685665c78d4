// The two ways a notification leaves: a signed webhook, an SNS topic. What can't be delivered is an outcome, not a fault.

import { PublishCommand, type SNSClient } from "@aws-sdk/client-sns";
import { callDeadline } from "../aws.ts";
import { type PostOptions, postPinned } from "../outbound/post.ts";
import { type Notification, signedHeaders } from "./notification.ts";

export type Delivery = { delivered: true } | { delivered: false; reason: string };

/** @param secret signs a webhook; of the notification's own rule */
export type Send = (notification: Notification, secret: string, nowMs: number) => Promise<Delivery>;

/** What the routes and the commands need to send and to sign. */
export interface AlertServices {
  send: Send;
  /** From which the webhooks' secrets are derived. */
  signingKey: string;
}

export interface SenderOptions {
  sns: Pick<SNSClient, "send">;
  webhook: PostOptions;
}

const SUBJECT_MAX_LENGTH = 99;

export function sender({ sns, webhook }: SenderOptions): Send {
  return async (notification, secret, nowMs) => {
    const { channel, id } = notification;
    const body = JSON.stringify({ id, ...notification.body });
    if (channel.kind === "webhook") {
      const outcome = await postPinned(channel.url, signedHeaders(secret, id, body, nowMs), body, webhook);
      return outcome.ok ? { delivered: true } : { delivered: false, reason: outcome.reason };
    }
    const fifo = channel.topicArn.endsWith(".fifo");
    const publish = new PublishCommand({
      TopicArn: channel.topicArn,
      Subject: subjectOf(notification.body),
      Message: body,
      ...(fifo ? { MessageGroupId: "alerts", MessageDeduplicationId: id } : {}),
    });
    try {
      await sns.send(publish, { abortSignal: callDeadline() });
      return { delivered: true };
    } catch (fault) {
      return { delivered: false, reason: `SNS: ${fault instanceof Error ? fault.name : "no answer"}` };
    }
  };
}

/** SNS takes printable ASCII only, and an e-mail shows little more than this. */
function subjectOf(body: Record<string, unknown>): string {
  const { type = "", data } = body as { type?: string; data?: { alert?: { name?: string } } };
  const text = `${type}: ${data?.alert?.name ?? ""}`;
  return text.replace(/[^\x20-\x7e]/g, "?").slice(0, SUBJECT_MAX_LENGTH);
}
