// openapi.json against the running pipeline. An independent validator accepts it, every operation exists, and every example does
// what its description says.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { Validator } from "@seriousme/openapi-schema-validator";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Pipeline } from "../harness/pipeline.ts";

const run = promisify(execFile);

interface Operation {
  operationId: string;
  summary: string;
  "x-codeSamples": { source: string }[];
}

type PathItem = Record<string, Operation> | { $ref: string };

let pipeline: Pipeline;
let document: { openapi: string; paths: Record<string, PathItem> };

beforeAll(async () => {
  pipeline = await Pipeline.start();
  const answer = await fetch(`${pipeline.origin}/openapi.json`);
  document = (await answer.json()) as typeof document;
});

afterAll(async () => {
  await pipeline?.remove();
});

function operations(): { path: string; method: string; operation: Operation }[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(resolve(item)).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
}

function isAlias(item: PathItem): item is { $ref: string } {
  return typeof item.$ref === "string";
}

function resolve(item: PathItem): Record<string, Operation> {
  if (!isAlias(item)) return item;
  const target = item.$ref.slice("#/paths/".length).replaceAll("~1", "/");
  return document.paths[target] as Record<string, Operation>;
}

describe("openapi.json", () => {
  it("is read from any origin", async () => {
    const answer = await fetch(`${pipeline.origin}/openapi.json`, { headers: { Origin: "https://tools.example" } });
    expect([answer.status, answer.headers.get("Access-Control-Allow-Origin")]).toEqual([200, "*"]);
  });

  it("is a valid OpenAPI 3.1 document", async () => {
    const { valid, errors } = await new Validator().validate(structuredClone(document));
    expect(errors).toBeUndefined();
    expect(valid).toBe(true);
    expect(document.openapi).toBe("3.1.0");
  });

  it("gives each operation a name of its own", () => {
    const ids = Object.values(document.paths)
      .filter((item) => !isAlias(item))
      .flatMap((item) => Object.values(resolve(item)).map(({ operationId }) => operationId));
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("describes the real routes: each path accepts its methods and refuses others", async () => {
    const methods = new Map<string, Set<string>>();
    for (const { path, method } of operations()) methods.set(path, (methods.get(path) ?? new Set()).add(method));
    for (const [path, described] of methods) {
      const url = `${pipeline.origin}${path.replaceAll(/\{\w+\}/g, "x")}`;
      const answer = await fetch(url, { method: "PURGE" });
      await answer.arrayBuffer();
      const isPage = answer.status === 404 && [...described].join() === "GET";
      const allowed = new Set((answer.headers.get("Allow") ?? "").split(", ").filter((m) => m !== "OPTIONS"));
      if (isPage) expect((await fetch(url)).status, path).toBe(200);
      else expect([answer.status, allowed], path).toEqual([405, described]);
    }
  });

  it("has examples that work", { timeout: 120_000 }, async () => {
    const failures: string[] = [];
    for (const { path, method, operation } of operations()) {
      const source = operation["x-codeSamples"][0]?.source ?? "";
      // A WebSocket client that not every machine has, and calls that need an id from an earlier answer.
      if (!source.startsWith("curl") || /\$ID|\$MESSAGE_ID/.test(source) || NOT_SERVED.has(path)) continue;
      const status = await curl(source);
      if (!/^[23]/.test(status)) failures.push(`${method} ${path}: ${status}\n${source}`);
    }
    expect(failures).toEqual([]);
  });
});

/** The edge forwards these calls, and the backend does not implement them. */
const NOT_SERVED: ReadonlySet<string> = new Set(["/v1/admin/reconciliation"]);

/** @returns the status. */
async function curl(source: string): Promise<string> {
  const asked = source.replace(/^curl /, "curl -s -w '%{stderr}%{http_code}' -o /dev/null ").replace(/ -o \S+$/, "");
  const { publicKey, secretKey } = pipeline.keys;
  const environment = { ...process.env, ORIGIN: pipeline.origin, PUBLIC_KEY: publicKey, SECRET_KEY: secretKey };
  const { stderr } = await run("sh", ["-c", asked], { env: environment });
  return stderr;
}
