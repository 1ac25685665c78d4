// The rules for wrangler.toml: the file passes, and each forbidden setting is reported.

import { describe, expect, it } from "vitest";
import { type Environment, judgeEnvironments, judgeNamespaceId, KEYS_PLACEHOLDER } from "./wrangler-rules.ts";

function environment(name: string | null, change: Partial<Environment> = {}): Environment {
  return {
    name,
    observability: { enabled: true, head_sampling_rate: 1, logs: { invocation_logs: false } },
    limits: { cpu_ms: 300 },
    workersDev: false,
    previewUrls: false,
    uploadSourceMaps: true,
    objects: [{ name: "SHARD", className: "BufferShard" }],
    migratedClasses: ["BufferShard"],
    kvIds: [name === null ? "local-only" : KEYS_PLACEHOLDER],
    requiredSecrets: ["SESSION_SECRET"],
    vars: ["RAW_STREAM"],
    crons: ["* * * * *"],
    ...change,
  };
}

const judge = (change: Partial<Environment>) =>
  judgeEnvironments([environment(null), environment("production", change)]);

describe("wrangler.toml", () => {
  it("passes when every environment has every setting", () => {
    expect(judge({})).toEqual([]);
    expect(judge({ kvIds: ["0123456789abcdef0123456789abcdef"] })).toEqual([]);
  });

  it.each<[string, Partial<Environment>, RegExp]>([
    ["invocation logs on", { observability: { head_sampling_rate: 1, logs: {} } }, /invocation logs/],
    ["no setting for logs", { observability: {} }, /invocation logs/],
    ["no sampling rate", { observability: { logs: { invocation_logs: false } } }, /head_sampling_rate/],
    ["no CPU limit", { limits: {} }, /cpu_ms/],
    ["the default CPU limit", { limits: { cpu_ms: 30_000 } }, /cpu_ms/],
    ["workers.dev", { workersDev: true }, /workers_dev/],
    ["previews", { previewUrls: true }, /preview_urls/],
    ["no source maps", { uploadSourceMaps: false }, /upload_source_maps/],
    ["no secrets", { requiredSecrets: [] }, /secrets/],
    ["no cron", { crons: [] }, /cron/],
    ["an invalid KV id", { kvIds: ["behaviour-keys"] }, /is not the id of a KV namespace/],
    ["a class without a migration", { objects: [{ name: "SHARD", className: "Other" }] }, /no migration/],
    ["a class without a binding", { migratedClasses: ["BufferShard", "Old"] }, /no binding/],
    ["a missing binding", { objects: [] }, /SHARD = BufferShard is missing/],
    ["a missing var", { vars: [] }, /var RAW_STREAM is missing/],
  ])("is refused with %s", (_name, change, finding) => {
    expect(judge(change).join("\n")).toMatch(finding);
  });

  it("is refused without an environment to deploy", () => {
    expect(judgeEnvironments([environment(null)])).toHaveLength(1);
  });

  it("is deployed only with the id of a namespace", () => {
    expect(judgeNamespaceId("0123456789abcdef0123456789abcdef")).toBeNull();
    for (const id of [undefined, "", KEYS_PLACEHOLDER, "local-only"]) expect(judgeNamespaceId(id)).not.toBeNull();
  });
});
