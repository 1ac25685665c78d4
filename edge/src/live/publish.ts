// Sends messages from the Worker to a project's live tail, after the answer.

import { waitUntil } from "cloudflare:workers";
import type { Env } from "../env.ts";
import { log } from "../log.ts";
import { liveTailOf } from "../placement/stubs.ts";
import { Channel } from "./channel.ts";
import type { LiveMessage } from "./message.ts";

const PROJECTS_MAX = 1_000;
/** A request's `waitUntil` ends half a minute after its answer. The next request sends the messages that still wait. */
const LEAD_MAX_MS = 10_000;

const channels = new Map<string, Channel>();

function channelOf(project: string): Channel {
  let channel = channels.get(project);
  if (channel === undefined) {
    if (channels.size >= PROJECTS_MAX) channels.clear();
    channel = new Channel();
    channels.set(project, channel);
  }
  return channel;
}

/**
 * Sends messages to a watched project. Never fails, and never delays the answer.
 * @param alreadyLost the number of messages that were omitted before.
 */
export function publishMessages(project: string, messages: readonly LiveMessage[], env: Env, alreadyLost = 0): void {
  channelOf(project).lose(alreadyLost);
  publishSome(project, messages.length, messages.values(), env);
}

/**
 * Does the same, and builds only the messages for which the tail has room.
 * @param count the number of messages.
 */
export function publishSome(project: string, count: number, messages: Iterator<LiveMessage>, env: Env): void {
  const channel = channelOf(project);
  const admitted = channel.admit(count, Date.now());
  for (let added = 0; added < admitted; added++) channel.add(JSON.stringify(messages.next().value));
  if (channel.hasMore && channel.lead(Date.now())) waitUntil(send(project, channel, env));
}

async function send(project: string, channel: Channel, env: Env): Promise<void> {
  const untilMs = Date.now() + LEAD_MAX_MS;
  try {
    for (;;) {
      const { texts, lost } = channel.take(Date.now());
      try {
        channel.hear(await liveTailOf(env, project).publish(texts, lost, ownName()));
      } catch (fault) {
        channel.lose(texts.length + lost);
        throw fault;
      }
      await new Promise((resolve) => setTimeout(resolve, channel.gapMs));
      if (!channel.hasMore || Date.now() >= untilMs) return;
    }
  } catch (fault) {
    log("warn", "live tail does not answer", { fault });
  } finally {
    channel.end();
  }
}

let name: string | null = null;

/** The isolate's name at the tail. A module must not create random values while it is loaded. */
function ownName(): string {
  name ??= crypto.randomUUID();
  return name;
}
