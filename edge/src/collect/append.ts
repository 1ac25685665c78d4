// Stage 6: the packed events become durable in their shards, side by side. All or nothing in the answer: 200 only when every
// part is stored. A part that was stored while another failed is a duplicate when the client sends again. DESIGN E1, E2.

import { hashId, type KeyRecord } from "@behaviour/contract";
import type { Env } from "../env.ts";
import { Refusal } from "../refusal.ts";
import type { AppendAnswer, AppendInput, BufferShard } from "../shard/shard.ts";
import { regionOf, type Region, shardName } from "../shard/placement.ts";
import { appendJoined } from "./join.ts";
import type { JudgedEvent } from "./judge.ts";
import type { ParsedBody } from "./parse.ts";
import { type Packed, type RequestFacts, wrap } from "./wrap.ts";

export interface Appended {
  accepted: number;
  duplicates: number;
}

/** Another copy can arrive between two tries; each try has fewer events than the one before. */
const MAX_TRIES = 5;
const OVERLOADED_RETRY_SECONDS = 2;
const FULL_RETRY_SECONDS = 30;

export async function append(
  events: readonly JudgedEvent[],
  facts: RequestFacts,
  parsed: ParsedBody,
  original: string | null,
  request: Request,
  env: Env,
): Promise<Appended | Refusal> {
  const region = regionOf(request);
  const groups = groupByShard(events, facts.key);
  const whole = groups.size === 1 ? original : null;
  const parts = [...groups].flatMap(([index, group]) =>
    wrap(group, facts, parsed, whole).map((packed) => ({ index, packed })),
  );
  const answers = await Promise.all(
    parts.map(({ index, packed }) => appendPart(packed, facts, parsed, { region, index }, env)),
  );
  const total: Appended = { accepted: 0, duplicates: 0 };
  for (const answer of answers) {
    if (answer instanceof Refusal) return answer;
    total.accepted += answer.accepted;
    total.duplicates += answer.duplicates;
  }
  return total;
}

function groupByShard(events: readonly JudgedEvent[], key: KeyRecord): Map<number, JudgedEvent[]> {
  const groups = new Map<number, JudgedEvent[]>();
  if (key.shards <= 1) return groups.set(0, events as JudgedEvent[]);
  for (const event of events) {
    const index = hashId(event.subjectKey).low % key.shards;
    const group = groups.get(index);
    if (group === undefined) groups.set(index, [event]);
    else group.push(event);
  }
  return groups;
}

/** Sends one part until the shard has stored what of it is new. */
async function appendPart(
  first: Packed,
  facts: RequestFacts,
  parsed: ParsedBody,
  place: { region: Region; index: number },
  env: Env,
): Promise<Appended | Refusal> {
  let packed = first;
  let duplicates = 0;
  for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
    const answer = await callShard(packed, facts.key.project, place, env);
    if (answer instanceof Refusal) return answer;
    if (answer.outcome === "stored") return { accepted: packed.events.length, duplicates };
    if (answer.outcome === "refused") {
      const retryAfterSeconds = answer.code === "storage_full" ? FULL_RETRY_SECONDS : OVERLOADED_RETRY_SECONDS;
      return new Refusal(answer.code, { retryAfterSeconds });
    }
    duplicates += answer.indices.length;
    const known = new Set(answer.indices);
    const fresh = packed.events.filter((_, index) => !known.has(index));
    if (fresh.length === 0) return { accepted: 0, duplicates };
    // Fewer events than before, which fitted into one frame.
    packed = wrap(fresh, facts, parsed, null)[0] as Packed;
  }
  return new Refusal("overloaded", { retryAfterSeconds: OVERLOADED_RETRY_SECONDS });
}

async function callShard(
  packed: Packed,
  project: string,
  place: { region: Region; index: number },
  env: Env,
): Promise<AppendAnswer | Refusal> {
  const { ids, oldestMs, data, compressed } = packed;
  const name = shardName(project, place.region.code, place.index);
  // A stub is broken for good once a call on it failed: take a new one for every try.
  const send = (inputs: AppendInput[]) => shardStub(env, name, place.region).append(inputs);
  for (let attempt = 0; ; attempt++) {
    try {
      return await appendJoined(name, { ids, oldestMs, data, compressed }, send);
    } catch (fault) {
      const { retryable, overloaded } = fault as { retryable?: boolean; overloaded?: boolean };
      if (retryable === true && overloaded !== true && attempt === 0) continue;
      console.error(
        JSON.stringify({ level: "error", message: "shard does not answer", overloaded, fault: String(fault) }),
      );
      return new Refusal(overloaded === true ? "overloaded" : "unavailable", {
        retryAfterSeconds: OVERLOADED_RETRY_SECONDS,
      });
    }
  }
}

function shardStub(env: Env, name: string, region: Region): DurableObjectStub<BufferShard> {
  return env.SHARD.get(env.SHARD.idFromName(name), { locationHint: region.locationHint });
}
