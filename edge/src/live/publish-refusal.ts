// Sends a project's watchers the requests that were refused as a whole. No shard answered such a request, so the Worker has to
// ask whether there are watchers. It asks after the answer, at most once a second for a project and isolate, however many
// requests are refused. An accepted request does not ask (publish.ts).

import { waitUntil } from "cloudflare:workers";
import type { Env } from "../env.ts";
import { log } from "../log.ts";
import { regionOf, shardName } from "../placement/shard-name.ts";
import { shardStub } from "../placement/stubs.ts";
import type { RefusedMessage } from "./message.ts";
import { publishMessages } from "./publish.ts";

/** How long an answer is used. */
const ASK_EVERY_MS = 1_000;
const PROJECTS_MAX = 1_000;
/** Refusals that wait for the answer. Further refusals are omitted. */
const WAITING_MAX = 100;

/** State of the isolate without promises: no request waits for another request's call. */
interface Answer {
  watched: boolean;
  untilMs: number;
  /** Not null while a request asks. */
  waiting: RefusedMessage[] | null;
}

const answers = new Map<string, Answer>();

/** Never fails, and never delays the answer. */
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
  // A call may never return, because its request was cancelled. `untilMs` ends the wait in this case as well.
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
