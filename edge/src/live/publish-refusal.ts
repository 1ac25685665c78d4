// Tells a project's watchers of requests that were refused as a whole. No shard answered those, so whether anybody watches
// has to be asked: after the answer, at most once a second for a project in an isolate, whatever number is refused. Requests
// that are taken ask nothing (publish.ts).

import { waitUntil } from "cloudflare:workers";
import type { Env } from "../env.ts";
import { log } from "../log.ts";
import { regionOf, shardName } from "../placement/shard-name.ts";
import { shardStub } from "../placement/stubs.ts";
import type { RefusedMessage } from "./message.ts";
import { publishMessages } from "./publish.ts";

/** How long an answer is believed. */
const ASK_EVERY_MS = 1_000;
const PROJECTS_MAX = 1_000;
/** Refusals that wait for the answer under way; what comes beyond is not told. */
const WAITING_MAX = 100;

/** Plain state of the isolate: no request waits for another's call. */
interface Answer {
  watched: boolean;
  untilMs: number;
  /** Not null while somebody asks. */
  waiting: RefusedMessage[] | null;
}

const answers = new Map<string, Answer>();

/** Never fails, and never keeps the answer waiting. */
export function publishRefused(project: string, message: RefusedMessage, request: Request, env: Env): void {
  const nowMs = Date.now();
  const answer = answers.get(project);
  if (answer !== undefined && nowMs < answer.untilMs) {
    if (answer.waiting !== null) {
      if (answer.waiting.length < WAITING_MAX) answer.waiting.push(message);
    } else if (answer.watched) publishMessages(project, [message], env);
    return;
  }
  if (answers.size >= PROJECTS_MAX) answers.clear();
  // An asker that never comes back, because its request was cut off, is not waited for beyond this either.
  const asked: Answer = { watched: false, untilMs: nowMs + ASK_EVERY_MS, waiting: [message] };
  answers.set(project, asked);
  waitUntil(ask(project, asked, request, env));
}

async function ask(project: string, asked: Answer, request: Request, env: Env): Promise<void> {
  const region = regionOf(request, env);
  try {
    const watched = await shardStub(env, shardName(project, region.code, 0), region).isWatched();
    asked.watched = watched;
    if (watched) publishMessages(project, asked.waiting ?? [], env);
  } catch (fault) {
    log("warn", "watchers not asked for", { fault });
  } finally {
    asked.waiting = null;
  }
}
