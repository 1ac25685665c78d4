// The control plane's door for programs of this repository: start, command line, tests.

export { type EdgePush, edgePush, pushAll, pushUnpushed, pushUpdates } from "./edge.ts";
export { createKey, type Key, listKeys, type NamedRecord, revokeKey, rotateKey } from "./keys.ts";
export { createProject, listProjects, type Project } from "./projects.ts";
export { type DevelopmentKeys, seed } from "./seed.ts";
