// The vault maps client ids to random surrogates. The processor resolves ids and creates entries; the query API only looks up.

export { type IdentityEdge, IdentityEdges } from "./edges.ts";
export { type LookupSubjects, subjectLookup } from "./lookup.ts";
export { type EventIds, type Subjects, Vault } from "./vault.ts";
