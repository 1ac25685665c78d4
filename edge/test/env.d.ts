/// <reference types="@cloudflare/vitest-plugin/types" />
// Declares the bindings that `cloudflare:workers` provides to tests.

declare namespace Cloudflare {
  interface Env extends Required<import("../src/env.ts").Env> {}
}
