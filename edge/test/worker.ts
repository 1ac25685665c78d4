// The Worker of the tests in workerd: the real Worker, with objects that a test can make small.

export * from "../src/worker.ts";
export { default } from "../src/worker.ts";
export { BufferShard } from "./shard/small-shard.ts";
