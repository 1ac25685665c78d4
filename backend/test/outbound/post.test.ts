// Tests calls to addresses named by a client: which calls are made, and to which address.

import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { isPublicAddress } from "../../src/outbound/address.ts";
import { addressProblem, postPinned } from "../../src/outbound/post.ts";
import { PUBLIC_ADDRESS, type Receiver, startReceiver } from "../alerting/receiver.ts";

const REFUSED = [
  "0.0.0.0",
  "10.1.2.3",
  "100.64.0.1",
  "127.0.0.1",
  "127.255.255.254",
  "169.254.169.254",
  "172.16.0.1",
  "172.31.255.255",
  "192.0.0.170",
  "192.0.2.1",
  "192.88.99.1",
  "192.168.1.1",
  "198.18.0.1",
  "198.51.100.7",
  "203.0.113.9",
  "224.0.0.1",
  "240.0.0.1",
  "255.255.255.255",
  "::",
  "::1",
  "::ffff:127.0.0.1",
  "::ffff:8.8.8.8",
  "::ffff:a9fe:a9fe",
  "64:ff9b::7f00:1",
  "64:ff9b:1::1",
  "100::1",
  "2001::1",
  "2001:db8::1",
  "2002:7f00:1::",
  "3fff::1",
  "5f00::1",
  "fc00::1",
  "fd00:ec2::254",
  "fe80::1",
  "fe80::1%eth0",
  "fec0::1",
  "ff02::1",
  "",
  "localhost",
  "0x7f.1",
  "127.1",
];
const TAKEN = [
  "1.1.1.1",
  "8.8.8.8",
  "93.184.215.14",
  "172.32.0.1",
  "100.128.0.1",
  "192.0.1.1",
  "2606:4700::1111",
  "2a00:1450::1",
];

describe("addresses", () => {
  it.each(REFUSED)("refuses %s", (address) => expect(isPublicAddress(address)).toBe(false));
  it.each(TAKEN)("accepts %s", (address) => expect(isPublicAddress(address)).toBe(true));
});

describe("addresses as written", () => {
  it.each([
    ["http://hooks.example.com/", "must begin with https://"],
    ["ftp://hooks.example.com/", "must begin with https://"],
    ["//hooks.example.com/", "not an address"],
    ["https://user:secret@hooks.example.com/", "must hold no user or password"],
    ["https://hooks.example.com/#x", "must hold no fragment"],
    ["https://localhost/", "is not a public name"],
    ["https://127.0.0.1/", "is not a public address"],
    ["https://2130706433/", "is not a public address"],
    ["https://0x7f.1/", "is not a public address"],
    ["https://017700000001/", "is not a public address"],
    ["https://[::1]/", "is not a public address"],
    ["https://[::ffff:169.254.169.254]/", "is not a public address"],
    ["https://169.254.169.254/latest/meta-data", "is not a public address"],
    ["https://hooks.example.com:8443/a?b=c", null],
    ["https://[2606:4700::1111]/", null],
  ])("%s", (address, problem) => expect(addressProblem(address)).toBe(problem));
});

describe("a post", () => {
  let receiver: Receiver;
  beforeAll(async () => {
    receiver = await startReceiver();
  });
  afterAll(() => receiver.stop());
  beforeEach(() => {
    receiver.received.length = 0;
    receiver.connectedTo.length = 0;
    receiver.answer = (response) => response.writeHead(204).end();
  });
  const post = (options: Partial<Receiver["options"]> = {}, url = receiver.url) =>
    postPinned(url, { "x-test": "1" }, '{"a":"ü"}', { ...receiver.options, ...options });

  it("goes to the checked address, with the certificate of the name", async () => {
    expect(await post()).toEqual({ ok: true, status: 204 });
    expect(receiver.connectedTo).toEqual([PUBLIC_ADDRESS]);
    expect(receiver.received).toMatchObject([
      {
        path: "/hook?a=1",
        body: '{"a":"ü"}',
        headers: { "x-test": "1", host: expect.stringMatching(/^hooks\.example\.com:/) },
      },
    ]);
  });

  it("resolves a name once, so that a second answer has no effect", async () => {
    const answers = [[PUBLIC_ADDRESS], ["127.0.0.1"]];
    expect((await post({ resolve: async () => answers.shift() ?? [] })).ok).toBe(true);
    expect(answers).toHaveLength(1);
  });

  it.each([[["10.0.0.1"]], [[PUBLIC_ADDRESS, "127.0.0.1"]], [[PUBLIC_ADDRESS, "::1"]], [["::ffff:10.0.0.1"]]])(
    "is not sent to a name that resolves to %j",
    async (addresses) => {
      expect(await post({ resolve: async () => addresses })).toEqual({
        ok: false,
        reason: "the name leads to no public address",
      });
      expect(receiver.connectedTo).toEqual([]);
    },
  );

  it("follows no redirect", async () => {
    receiver.answer = (response) => response.writeHead(302, { location: "https://127.0.0.1/" }).end();
    expect(await post()).toEqual({ ok: false, reason: "answered 302" });
    expect(receiver.received).toHaveLength(1);
  });

  it("reports only the status of an answer of any length", async () => {
    receiver.answer = (response) => response.writeHead(500).end("x".repeat(1_000_000));
    expect(await post()).toEqual({ ok: false, reason: "answered 500" });
  });

  it("ends at its deadline if the name is not resolved or the answer does not arrive", async () => {
    const late = { ok: false, reason: "no answer in time" };
    expect(await post({ deadlineMs: 100, resolve: () => new Promise(() => {}) })).toEqual(late);
    receiver.answer = () => {};
    expect(await post({ deadlineMs: 200 })).toEqual(late);
  });

  it("is refused by a certificate of another name", async () => {
    const outcome = await post({}, "https://other.example.com/");
    expect(outcome).toEqual({ ok: false, reason: "no connection (ERR_TLS_CERT_ALTNAME_INVALID)" });
    expect(receiver.received).toEqual([]);
  });
});
