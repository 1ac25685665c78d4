// The vault: client ids in, random surrogates out. The processor resolves (and creates), the query API only looks up.

export { type IdentityEdge, IdentityEdges } from "./edges.ts";
export { type LookupSubjects, subjectLookup } from "./lookup.ts";
export { type EventIds, type Subjects, Vault } from "./vault.ts";
