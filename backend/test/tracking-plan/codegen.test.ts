// Tests code generated from a plan with the real compilers: code that fits the plan compiles, and other code is refused. Where
// the programs can run, they do, and the events that they send satisfy the plan.

import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { generateCode, type Language } from "../../src/tracking-plan/codegen/generate.ts";
import { PlanJudge } from "../../src/tracking-plan/judge.ts";
import { PLAN } from "./sample.ts";
import { toolchain } from "./toolchain.ts";

vi.setConfig({ testTimeout: 120_000 });

const REPOSITORY = fileURLToPath(new URL("../../..", import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "codegen-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Run {
  code: number;
  output: string;
}

function run(program: string, args: readonly string[], cwd: string): Promise<Run> {
  return new Promise((resolve) => {
    execFile(program, args, { cwd, timeout: 100_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : typeof error.code === "number" ? error.code : 1, output: stdout + stderr });
    });
  });
}

async function writeCode(name: string, language: Language, extra: Record<string, string> = {}): Promise<string> {
  const out = join(folder, name);
  const files = [...generateCode(language, PLAN), ...Object.entries(extra).map(([path, text]) => ({ path, text }))];
  for (const { path, text } of files) {
    await mkdir(dirname(join(out, path)), { recursive: true });
    await writeFile(join(out, path), text);
  }
  return out;
}

const TSCONFIG = JSON.stringify({
  extends: join(REPOSITORY, "tsconfig.base.json"),
  compilerOptions: {
    lib: ["es2024", "dom"],
    types: [],
    paths: { "@behaviour/analytics": [join(REPOSITORY, "sdk/javascript/src/index.ts")] },
  },
  files: ["use.ts"],
});

function typescript(name: string, body: string): Promise<string> {
  const use = `import { Analytics } from "@behaviour/analytics";
import * as plan from "./tracking-plan.ts";
const raw = new Analytics("pk_test_x", { host: "https://events.example" });
const analytics = plan.typed(raw);
export const order = { order_id: "AB-1234", total: 9.5, currency: "EUR", products: [{ sku: "a" }] } as const;
${body}
`;
  return writeCode(name, "typescript", {
    "use.ts": use,
    "tsconfig.json": TSCONFIG,
    "package.json": '{ "type": "module" }',
  });
}

const tsc = join(REPOSITORY, "node_modules/.bin/tsc");
const check = (out: string) => run(tsc, ["-p", ".", "--noEmit", "--pretty", "false"], out);

describe("TypeScript", () => {
  it("accepts code that the plan allows", async () => {
    const out = await typescript(
      "good",
      `analytics.track("Order Completed", order);
analytics.track("Order Completed", { ...order, coupon: null, "in-store": true, class: 3, paid_with: "card" }, { timestamp: new Date() });
analytics.track("Search");
analytics.track("Größe gewählt \\\\u002a", { größe: 37.5, anything: [1] });
analytics.page("Checkout", { step: 2 });
analytics.page("Any other", { section: "x" });
analytics.page();
analytics.identify("u1", { plan: "pro", seats: 4 });
analytics.group("g1", { name: "Acme" });
void analytics.flush();
plan.trackOrderCompletedV2(raw, { id: "6f9619ff-8b86-4d01-b42d-00cf4fc964ff" }, { context: { a: 1 } });
const product: plan.OrderCompletedProductsItem = { sku: "s", tags: ["t"] };
plan.trackOrderCompleted(raw, { ...order, products: [product] });`,
    );
    expect(await check(out)).toEqual({ code: 0, output: "" });
  });

  it.each([
    [
      "a property that is missing",
      `analytics.track("Order Completed", { order_id: "AB-1234", total: 1, currency: "EUR" });`,
    ],
    ["a wrong type", `analytics.track("Order Completed", { ...order, total: "9.5" });`],
    ["a value that is not listed", `analytics.track("Order Completed", { ...order, currency: "CHF" });`],
    ["a misspelt property", `analytics.track("Search", { qury: "x" });`],
    ["an event that is not planned", `analytics.track("Order Refunded", {});`],
    ["a wrong trait", `analytics.identify("u1", { plan: "gold" });`],
    ["what is required left out", `analytics.page("Checkout", {});\nanalytics.track("Order Completed");`],
  ])("refuses %s", async (name, line) => {
    const { code, output } = await check(await typescript(`bad-${name.replaceAll(" ", "-")}`, line));
    expect(code, output).not.toBe(0);
    // The compiler reports one mistake for each line, and no other.
    const mistakes = output
      .trim()
      .split("\n")
      .filter((text) => !text.startsWith(" "));
    expect(mistakes.length, output).toBe(line.split("\n").length);
    for (const mistake of mistakes)
      expect(mistake).toMatch(/^use\.ts\(\d+,\d+\): error TS(?:2345|2353|2322|2741|2739|2561|2769|2554)/);
  });
});

describe("Python", () => {
  const python = toolchain("python3", ["--version"]);

  it.skipIf(python.isMissing)("compiles, and sends events that the plan allows", async () => {
    const use = `import json
import tracking_plan as plan

class Client:
    def __init__(self):
        self.sent = []
    def __getattr__(self, kind):
        return lambda **arguments: self.sent.append({"type": kind, **arguments})

client = Client()
plan.track_order_completed(client, {"order_id": "AB-1234", "total": 9.5, "currency": "EUR", "products": [{"sku": "a"}]}, user_id="u1")
plan.track_order_completed_v2(client, {"id": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"}, anonymous_id="a", context={"a": 1})
plan.track_search(client)
plan.page_checkout(client, {"step": 1}, user_id="u1")
plan.page(client, {"section": "x"}, name="Any", user_id="u1")
plan.screen_home(client, user_id="u1")
plan.identify(client, {"plan": "pro", "seats": 3}, user_id="u1")
plan.group(client, "g1", {"name": "Acme"}, user_id="u1")
print(json.dumps(client.sent))
`;
    const out = await writeCode("python", "python", { "use.py": use });
    expect(await run("python3", ["-W", "error", "-m", "py_compile", "tracking_plan.py", "use.py"], out)).toEqual({
      code: 0,
      output: "",
    });
    const { code, output } = await run("python3", ["use.py"], out);
    expect(code, output).toBe(0);
    const sent = JSON.parse(output) as Record<string, any>[];
    expect(sent).toHaveLength(8);
    expect(sent[1]).toEqual({
      type: "track",
      anonymous_id: "a",
      event: "Order Completed",
      properties: { id: "6f9619ff-8b86-4d01-b42d-00cf4fc964ff" },
      context: { a: 1, protocols: { event_version: 2 } },
    });
    const judge = new PlanJudge(PLAN, 1);
    for (const { type, event, name, properties = {}, traits = {}, context = {} } of sent) {
      expect(judge.judge({ type, name: event ?? name ?? null, properties, traits, context })).toEqual({
        action: "store",
      });
    }
  });
});

describe("Java", () => {
  const javac = toolchain("javac", ["-version"]);

  it.skipIf(javac.isMissing)("compiles, runs, and demands required values", async () => {
    const use = `import trackingplan.*;
import java.util.Arrays;

public class Use {
  public static void main(String[] args) {
    OrderCompleted order = OrderCompleted.builder()
        .orderId("AB-1234").total(9.5).currency(OrderCompleted.CurrencyValue.EUR).class2(3).inStore(true).coupon(null)
        .products(Arrays.asList(OrderCompletedProductsItem.builder().sku("a").tags(Arrays.asList("t")).build()))
        .build();
    PlannedEvent event = order;
    System.out.println(event.type() + "|" + event.event() + "|" + event.toMap() + "|" + event.context());
    System.out.println(OrderCompletedV2.builder().id("x").build().context());
    try {
      OrderCompleted.builder().total(1).build();
    } catch (IllegalStateException missing) {
      System.out.println(missing.getMessage());
    }
  }
}
`;
    const out = await writeCode("java", "java", { "Use.java": use });
    expect(
      await run("javac", ["--release", "8", "-Xlint:-options", "-Werror", "-d", "classes", "Use.java"], out),
    ).toEqual({ code: 0, output: "" });
    const all = await run("sh", ["-c", "javac --release 8 -Xlint:-options -d all trackingplan/*.java"], out);
    expect(all).toEqual({ code: 0, output: "" });
    const { output } = await run("java", ["-cp", "classes", "Use"], out);
    expect(output.trim().split("\n")).toEqual([
      "track|Order Completed|{order_id=AB-1234, total=9.5, currency=EUR, class=3, in-store=true, coupon=null, products=[{sku=a, tags=[t]}]}|{}",
      "{protocols={event_version=2}}",
      "order_id is required",
    ]);
  });

  it("refuses an invalid package name", () => {
    expect(() => generateCode("java", PLAN, { packageName: "a; import evil" })).toThrow(RangeError);
  });
});
