// The door of projects and keys for the functions and the tests.

export { createKey, type NamedRecord, revokeKey } from "./keys.ts";
export { createProject } from "./projects.ts";
export { type EdgePush, edgePush, pushUnpushed, pushUpdates } from "./push.ts";
export { type DevelopmentKeys, seed } from "./seed.ts";
