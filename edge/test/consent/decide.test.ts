import { describe, expect, it } from "vitest";
import { decideConsent, type PurposeVerdicts, type SignalSource, type Verdict } from "../../src/consent/decide.ts";
import { ledgerState, verdictsOf } from "../../src/consent/table.ts";
import { DECISIONS } from "./decisions.golden.ts";

const VERDICTS: Record<string, Verdict> = { "+": "granted", "-": "denied", "?": "unknown" };

function verdicts(text: string): PurposeVerdicts {
  return { analytics: VERDICTS[text[0] ?? ""] as Verdict, advertising: VERDICTS[text[1] ?? ""] as Verdict };
}

const rows = DECISIONS.trim()
  .split("\n")
  .map(
    (line) => line.split("|").map((cell) => cell.trim()) as [string, string, string, string, string, string, string],
  );

describe("decideConsent", () => {
  it("has a golden table of at least 120 rows", () => expect(rows.length).toBeGreaterThanOrEqual(120));

  it.each(rows)(
    "%s, denied → %s, ledger %s, headers %s, tools %s: %s",
    (...[regime, policy, ledger, headers, tools, outcome]) => {
      const client = tools
        .split(" ")
        .filter((tool) => tool !== ".")
        .map((tool) => ({ source: tool.slice(0, -2) as SignalSource, verdicts: verdicts(tool.slice(-2)) }));
      const decision = decideConsent(
        { ledger: verdicts(ledger), gpc: headers.includes("G"), dnt: headers.includes("D"), client },
        regime === "in" ? "opt-in" : "opt-out",
        { whenAnalyticsDenied: policy as "drop" | "cookieless" },
      );
      expect(decision.outcome).toBe(outcome);
      // Every decision that withholds data has a reason, and no other decision has a reason.
      expect(decision.reasons.length > 0).toBe(outcome !== "accept");
    },
  );

  it("never gets freer by one more signal of a client", () => {
    const freedom = { accept: 3, restricted: 2, cookieless: 1, drop: 0 };
    const all = ["++", "+-", "-+", "--", "??", "?-"].map(verdicts);
    for (const ledger of all) {
      for (const first of all) {
        for (const second of all) {
          const decide = (client: PurposeVerdicts[]) =>
            decideConsent(
              { ledger, gpc: false, dnt: false, client: client.map((said) => ({ source: "tcf", verdicts: said })) },
              "opt-out",
              { whenAnalyticsDenied: "drop" },
            ).outcome;
          expect(freedom[decide([first, second])]).toBeLessThanOrEqual(freedom[decide([first])]);
        }
      }
    }
  });
});

describe("ledger states as numbers", () => {
  it("come back as what they were", () => {
    for (let state = 0; state < 9; state++) expect(ledgerState(verdictsOf(state))).toBe(state);
  });
});
