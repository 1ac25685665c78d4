// Looks up the surrogates of ids for the query API: the read side of the vault. It creates nothing, so a look-up leaves no
// trace of the id.

import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { IdentityEdges } from "./edges.ts";
import { type VaultId, vaultKey } from "./identifiers.ts";
import { VaultStore } from "./store.ts";

export interface LookedUpSubjects {
  /** Surrogate of the userId; null if no event ever named it. */
  subject: string | null;
  /** Surrogate of the anonymousId; null if no event ever named it. */
  anonymousSubject: string | null;
  /** Set together with `subject`: all surrogates of that person, `subject` first. */
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
