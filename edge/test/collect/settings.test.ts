// Tests the settings that `@segment/analytics-next` loads before it sends events, and the regime of the caller's country.
// docs/API_DOCUMENTATION.md#sending-events, #consent.

import { generateKey } from "@behaviour/contract";
import { describe, expect, it } from "vitest";
import { regimeOf } from "../../src/consent/regimes.ts";
import { send } from "../client.ts";
import { expectAnswer, useTable } from "./table.ts";

const table = useTable("settings");

interface Settings {
  integrations: Record<string, Record<string, unknown>>;
  pipeline: { consent: { regime: string } };
}

async function load(key: string, path = `/v1/projects/${key}/settings`): Promise<Settings> {
  const answer = await send(path, { headers: { Origin: "https://shop.test" } });
  expect(answer.status).toBe(200);
  return answer.body as unknown as Settings;
}

describe("settings", () => {
  it("are the settings that the library expects", async () => {
    const settings = await load(table.publicKey);
    expect(Object.keys(settings.integrations)).toEqual(["Segment.io"]);
    expect(settings.integrations["Segment.io"]).toMatchObject({
      apiKey: table.publicKey,
      apiHost: "edge.test/v1",
      protocol: "https",
    });
    expect(settings).toMatchObject({
      metrics: { sampleRate: 0 },
      consentSettings: { allCategories: expect.any(Array), hasUnmappedDestinations: true },
      plan: { track: { __default: { enabled: true } } },
      pipeline: { flush: { maxEvents: 2_500 } },
    });
  });

  it("are found with and without /v1 and a trailing slash", async () => {
    for (const path of ["/v1/projects/K/settings/", "/projects/K/settings", "/projects/K/settings/"]) {
      expect(await load(table.publicKey, path.replace("K", table.publicKey))).toHaveProperty("integrations");
    }
  });

  it("are sent to any origin, because only events are checked for their origin", async () => {
    expect(await load(await table.newKey({ origins: ["https://other.test"] }))).toHaveProperty("integrations");
  });

  it("contain the strict regime for a caller without a country, unless the project configures one", async () => {
    expect((await load(await table.newKey({ settings: {} }))).pipeline.consent.regime).toBe("opt-in");
    expect((await load(await table.newKey({ settings: { consentRegime: "opt-out" } }))).pipeline.consent.regime).toBe(
      "opt-out",
    );
  });

  it.concurrent.each([
    ["an unknown key", () => generateKey("public", "live")],
    ["a malformed key", () => "x"],
    ["a revoked key", () => table.newKey({ revokedAt: 1 })],
  ])("are refused for %s", async (_name, key) => {
    expectAnswer(await send(`/v1/projects/${await key()}/settings`), { status: 401, code: "invalid_api_key" });
  });

  it("are refused for a secret key", async () => {
    const answer = await send(`/v1/projects/${table.secretKey}/settings`);
    expectAnswer(answer, { status: 403, code: "secret_key_in_browser" });
    await table.expectGoodEventTaken();
  });
});

describe("regimes", () => {
  it.concurrent.each(["DE", "FR", "IE", "HR", "NO", "IS", "LI", "GB", "CH", "RE", "XX", "T1", null])(
    "%s: opt-in",
    (country) => {
      expect(regimeOf(country, "opt-in")).toBe("opt-in");
      expect(regimeOf(country, "opt-out")).toBe("opt-in");
    },
  );
  it("US: opt-out", () => expect(regimeOf("US", "opt-in")).toBe("opt-out"));
  it.concurrent.each(["BR", "JP", "IN", "ZZ"])("%s: the project's default", (country) => {
    expect(regimeOf(country, "opt-out")).toBe("opt-out");
    expect(regimeOf(country, "opt-in")).toBe("opt-in");
  });
});
