import { describe, expect, it } from "vitest";
import { isCard } from "../../src/pii/card.ts";
import { NO_PII, PII } from "../../src/pii/classes.ts";
import { bodyMayHold } from "../../src/pii/hints.ts";
import { type PiiPolicy, RequestRedaction } from "../../src/pii/redact.ts";
import { redactText } from "../../src/pii/text.ts";
import { bearer, goodEvent, send } from "../client.ts";
import { newKey, newProject } from "../keys.ts";
import { untilArrived } from "../servers/kinesis/stream.ts";

const JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U";

function redactEvent(event: Record<string, unknown>, policy: PiiPolicy) {
  return new RequestRedaction(policy).redact(event);
}

/** The text, the stored text, and the recorded classes. */
const FOUND: [string, string, string[]][] = [
  ["mail ada@example.com now", "mail [email] now", ["email"]],
  ["Ada.Lovelace+news@mail.example.co.uk.", "[email].", ["email"]],
  ["müller@exämple.de", "[email]", ["email"]],
  ["used%40example.com", "[email]", ["email"]],
  ["a@b.de, c@d.fr", "[email], [email]", ["email"]],
  ["4111 1111 1111 1111", "[card]", ["card"]],
  ["card 4111-1111-1111-1111 ok", "card [card] ok", ["card"]],
  ["378282246310005", "[card]", ["card"]],
  ["6011111111111117", "[card]", ["card"]],
  ["2223003122003222", "[card]", ["card"]],
  [`Bearer ${JWT}`, "Bearer [token]", ["token"]],
  ["key AKIAIOSFODNN7EXAMPLE", "key [token]", ["token"]],
  [`AIza${"B".repeat(35)}`, "[token]", ["token"]],
  ["sk_live_4eC39HqLyjWDarjtT1zdp7dc", "[token]", ["token"]],
  [`ghp_${"a1".repeat(18)}`, "[token]", ["token"]],
  ["xoxb-17653672481-19874698323-pdFZKVeTuE8sk7oOcHrzqqgy", "[token]", ["token"]],
  ["-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", "[token]", ["token"]],
  ["https://ada:secret@example.com/a", "https://example.com/a", ["credential"]],
  ["https://x.example/?token=abc&page=2", "https://x.example/?token=[credential]&page=2", ["credential"]],
  ["/reset?Email=ada%40example.com#top", "/reset?Email=[credential]#top", ["credential"]],
  ["?a=1&password=hunter2", "?a=1&password=[credential]", ["credential"]],
  ["#access_token=abc&state=1", "#access_token=[credential]&state=1", ["credential"]],
];

const KEPT = [
  "3 @ 4 euro",
  "user@localhost",
  "@handle",
  "1795568913159",
  "2026-11-25T01:19:58.943Z",
  "550e8400-e29b-41d4-a716-446655440000",
  "4111 1111 1111 1112",
  "order 1234567890123456",
  "https://shop.example/p?utm_source=news&utm_medium=email&page=2",
  "https://shop.example/token/abc",
  "eyJust a sentence",
  "AKIA is a prefix",
  "my_live_show",
  "0.1234567890123456789",
  "[email] [card] [token] [credential]",
];

describe("personal data in texts", () => {
  it.each(FOUND)("%j becomes %j", (text, stored, classes) => {
    expect(redactText(text)).toEqual({ text: stored, classes });
    expect(redactText(stored), "masking twice changes nothing").toBeNull();
  });

  it.each(KEPT)("%j is unchanged", (text) => expect(redactText(text)).toBeNull());

  it("is decided by issuer, length and check digit for cards", () => {
    expect(isCard("4222222222222")).toBe(false);
    expect(isCard("4111111111111111")).toBe(true);
    expect(isCard("4111111111111112")).toBe(false);
    expect(isCard("9111111111111111")).toBe(false);
    expect(isCard("41111111111111110")).toBe(false);
  });
});

describe("hints over a whole body", () => {
  it.each(FOUND.filter(([, , classes]) => !classes.includes("card")))("never miss %j", (text) => {
    expect(bodyMayHold(JSON.stringify({ properties: { text } })) & ~PII.card).not.toBe(NO_PII);
  });

  it("spare an ordinary event the search", () => {
    expect(bodyMayHold(JSON.stringify(goodEvent({ context: { page: { url: KEPT[8] } } })))).toBe(PII.card);
  });
});

describe("personal data in events", () => {
  const event = {
    userId: "ada@example.com",
    properties: { note: "ada@example.com", list: ["x", "4111111111111111"], "a/b~c": { deep: JWT }, plain: 1 },
    context: { page: { url: "https://a.example/?email=q" } },
  };

  it("is masked in properties, traits and context, never in ids, and recorded by pointer", () => {
    const redacted = redactEvent(event, {});
    expect(redacted?.event).toEqual({
      userId: "ada@example.com",
      properties: { note: "[email]", list: ["x", "[card]"], "a/b~c": { deep: "[token]" }, plain: 1 },
      context: { page: { url: "https://a.example/?email=[credential]" } },
    });
    expect(redacted?.findings).toEqual([
      { pointer: "/properties/note", class: "email" },
      { pointer: "/properties/list/1", class: "card" },
      { pointer: "/properties/a~1b~0c/deep", class: "token" },
      { pointer: "/context/page/url", class: "credential" },
    ]);
  });

  it("is masked in unknown fields, integrations, names and keys too", () => {
    const sent = {
      event: "ada@example.com signed up",
      channel: "ada@example.com",
      integrations: { Tool: { id: [JWT] } },
      "by-ada@example.com": 1,
      timestamp: "ada@example.com",
      properties: { "ada@example.com": 1, "eve@example.com": 2, "[email] 2": 3 },
    };
    const before = JSON.stringify(sent);
    const redacted = redactEvent(sent, {});
    expect(JSON.stringify(sent)).toBe(before);
    expect(redacted?.event).toEqual({
      event: "[email] signed up",
      channel: "[email]",
      integrations: { Tool: { id: ["[token]"] } },
      "[email]": 1,
      timestamp: "[email]",
      properties: { "[email]": 1, "[email] 2": 3, "[email] 3": 2 },
    });
    expect(JSON.stringify(redacted?.findings)).not.toContain("@");
    expect(redactEvent({ event: "ada@example.com" }, { email: "drop_field" })?.event).toEqual({ event: "[email]" });
    expect(redactEvent({ properties: { "ada@example.com": 1 } }, { email: "reject" })?.rejected).toEqual({
      pointer: "/properties/[email]",
      class: "email",
    });
  });

  it("is dropped, refused or allowed by the project's setting", () => {
    const redacted = redactEvent(event, {
      email: "drop_field",
      card: "drop_field",
      token: "allow",
      credential: "reject",
    });
    expect(redacted?.event.properties).toEqual({ list: ["x", null], "a/b~c": { deep: JWT }, plain: 1 });
    expect(redacted?.rejected).toEqual({ pointer: "/context/page/url", class: "credential" });
    expect(redactEvent(event, { email: "allow", card: "allow", token: "allow", credential: "allow" })).toBeNull();
  });

  it("does not pass the collector, escaped or not, and affects no other event of the batch", async () => {
    const project = newProject("pii");
    const key = await newKey({ project, settings: { consentRegime: "opt-out", pii: { card: "reject" } } });
    const [mail, card, clean] = [
      goodEvent({ properties: { note: "canary-ada@example.com" } }),
      goodEvent({ properties: { note: "4111 1111 1111 1111" } }),
      goodEvent(),
    ];
    const text = JSON.stringify({ batch: [mail, card, clean] }).replace("canary-ada@", "canary-ada\\u0040");
    const answer = await send("/v1/batch", { body: text, headers: bearer(key) });
    expect(answer.body).toMatchObject({
      accepted: 2,
      rejected: [{ index: 1, code: "personal_data", pointer: "/properties/note" }],
      warnings: [{ index: 0, code: "pii_redacted", pointer: "/properties/note" }],
    });
    const arrived = await untilArrived(project, [mail.messageId, clean.messageId]);
    expect(arrived.get(mail.messageId)).toMatchObject({ properties: { note: "[email]" } });
    expect(JSON.stringify([...arrived.values()])).not.toContain("canary-ada");
  });
});
