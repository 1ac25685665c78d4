// The read side of the vault, for the query API: who is this id? Creates nothing, so asking leaves no trace of the id.

import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { IdentityEdges } from "./edges.ts";
import { type VaultId, vaultKey } from "./identifiers.ts";
import { VaultStore } from "./store.ts";

export interface LookedUpSubjects {
  /** Surrogate of the userId; null when no event ever named it. */
  subject: string | null;
  /** Surrogate of the anonymousId; likewise. */
  anonymousSubject: string | null;
  /** With `subject`: all surrogates of that person, itself first. */
  person?: readonly string[];
}

export type LookupSubjects = (
  project: string,
  ids: { userId?: string | undefined; anonymousId?: string | undefined },
) => Promise<LookedUpSubjects>;

/** @returns a function that throws only an infrastructure fault. */
export function subjectLookup(dynamodb: DynamoDBClient, hmacKey: string): LookupSubjects {
  const store = new VaultStore(dynamodb);
  const edges = new IdentityEdges(dynamodb);
  return async (project, { userId, anonymousId }) => {
    const keyOf = (kind: VaultId["kind"], id: string | undefined) =>
      id === undefined || id === "" ? null : vaultKey(hmacKey, { project, kind, id });
    const userKey = keyOf("user", userId);
    const anonymousKey = keyOf("anonymous", anonymousId);
    const keys = [userKey, anonymousKey].filter((key) => key !== null);
    const entries = await store.read(keys);
    const surrogateOf = (key: string | null) => (key === null ? null : (entries.get(key)?.surrogate ?? null));
    const subject = surrogateOf(userKey);
    const known = { subject, anonymousSubject: surrogateOf(anonymousKey) };
    return subject === null ? known : { ...known, person: await edges.personOf(project, subject) };
  };
}
