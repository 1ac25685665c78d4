/// <reference types="@cloudflare/vitest-plugin/types" />
// The bindings as `cloudflare:workers` gives them to tests.

declare namespace Cloudflare {
  interface Env extends Required<import("../src/env.ts").Env> {}
}
