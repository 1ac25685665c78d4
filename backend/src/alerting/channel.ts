// Sends a notification to a signed webhook or to an SNS topic. A failed delivery is an outcome, not a fault.

import { PublishCommand, type SNSClient } from "@aws-sdk/client-sns";
import { callDeadline } from "../aws.ts";
import { type PostOptions, postPinned } from "../outbound/post.ts";
import { type Notification, signedHeaders } from "./notification.ts";

export type Delivery = { delivered: true } | { delivered: false; reason: string };

/** @param secret signing secret of the notification's own rule, for a webhook */
export type Send = (notification: Notification, secret: string, nowMs: number) => Promise<Delivery>;

/** The routes and the commands send and sign with these services. */
export interface AlertServices {
  send: Send;
  /** The webhooks' secrets are derived from this key. */
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

/** SNS accepts printable ASCII only, and an e-mail shows little more than this length. */
function subjectOf(body: Record<string, unknown>): string {
  const { type = "", data } = body as { type?: string; data?: { alert?: { name?: string } } };
  const text = `${type}: ${data?.alert?.name ?? ""}`;
  return text.replace(/[^\x20-\x7e]/g, "?").slice(0, SUBJECT_MAX_LENGTH);
}
