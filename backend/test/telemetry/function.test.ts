// Which faults the same records cause again, so that the mapping isolates a record, and which faults pass, so that it waits.

import { PutItemCommand } from "@aws-sdk/client-dynamodb";
import { TABLES } from "@behaviour/contract";
import { describe, expect, it } from "vitest";
import { startAws } from "../../../local/index.ts";
import { dynamodbClient } from "../../src/aws.ts";
import { readConfig } from "../../src/config.ts";
import { isOwnFault } from "../../src/telemetry/index.ts";

describe("a fault", () => {
  const named = (name: string) => Object.assign(new Error("text"), { name });

  it.each([
    ["a bug", new TypeError("x is undefined"), true],
    ["an item that is too large", named("ValidationException"), true],
    ["a key that is too long", named("KeyTooLongError"), true],
    ["a throttled call", named("ProvisionedThroughputExceededException"), false],
    ["a lost condition", named("ConditionalCheckFailedException"), false],
    ["a call without an answer", named("TimeoutError"), false],
    ["a connection that was cut", Object.assign(new TypeError("terminated"), { code: "ECONNRESET" }), false],
    ["a text that was thrown", "text", false],
  ])("of kind %s", (_name, fault, isOwn) => {
    expect(isOwnFault(fault)).toBe(isOwn);
  });

  it("of an item above 400 KB is refused by DynamoDB under a name that counts", async () => {
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" });
    const aws = await startAws();
    try {
      const dynamodb = dynamodbClient(readConfig({ DYNAMODB_ENDPOINT: aws.dynamodb }));
      const put = new PutItemCommand({
        TableName: TABLES.ledger,
        Item: { pk: { S: "p" }, sk: { S: "s" }, text: { S: "x".repeat(400 * 1_024) } },
      });
      const fault: unknown = await dynamodb.send(put).catch((thrown: unknown) => thrown);
      expect(isOwnFault(fault)).toBe(true);
    } finally {
      await aws.stop();
    }
  });
});
