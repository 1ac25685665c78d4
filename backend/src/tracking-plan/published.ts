// Stores the plan that the processor reads: one item of DynamoDB per project, written by the control plane on every push. It is
// in DynamoDB, not in Postgres or S3, because the processor depends on DynamoDB anyway (for its ledger and the vault). A plan
// adds no dependency that could stop the processor.

import { gunzipSync, gzipSync } from "node:zlib";
import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
} from "@aws-sdk/client-dynamodb";
import { TABLES, TrackingPlan } from "@behaviour/contract";
import { callDeadline } from "../aws.ts";

export interface PublishedPlan {
  version: number;
  plan: TrackingPlan;
}

const CURRENT = "current";

/** The item exists and this release cannot read it: a later release may have written it before a rollback. */
export class UnreadablePlan extends Error {
  override name = "UnreadablePlan";
}

export class PublishedPlans {
  readonly #dynamodb: DynamoDBClient;

  constructor(dynamodb: DynamoDBClient) {
    this.#dynamodb = dynamodb;
  }

  /** Makes this the project's plan, unless a later version is stored. @throws an infrastructure fault; calling again is safe. */
  async publish(project: string, { version, plan }: PublishedPlan): Promise<void> {
    const command = new PutItemCommand({
      TableName: TABLES.ledger,
      Item: {
        ...keyOf(project),
        version: { N: String(version) },
        plan: { B: gzipSync(JSON.stringify(plan)) },
      },
      ConditionExpression: "attribute_not_exists(pk) OR version <= :version",
      ExpressionAttributeValues: { ":version": { N: String(version) } },
    });
    try {
      await this.#dynamodb.send(command, { abortSignal: callDeadline() });
    } catch (error) {
      // Two pushes ran at once. The later version is in force, as it should be.
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
    }
  }

  /** @returns null for a project without a plan. @throws `UnreadablePlan`, or an infrastructure fault. */
  async read(project: string): Promise<PublishedPlan | null> {
    const command = new GetItemCommand({ TableName: TABLES.ledger, Key: keyOf(project), ConsistentRead: true });
    const { Item } = await this.#dynamodb.send(command, { abortSignal: callDeadline() });
    if (Item === undefined) return null;
    try {
      const text = gunzipSync(Item["plan"]?.B ?? new Uint8Array()).toString();
      return { version: Number(Item["version"]?.N), plan: TrackingPlan.parse(JSON.parse(text)) };
    } catch (fault) {
      throw new UnreadablePlan("the published plan cannot be read", { cause: fault });
    }
  }
}

function keyOf(project: string) {
  return { pk: { S: `plan#${project}` }, sk: { S: CURRENT } };
}
