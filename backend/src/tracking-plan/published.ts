// The plan as the processor reads it: one item of DynamoDB per project, written by the control plane on every push.
// DynamoDB and not Postgres or S3, because the processor cannot work without it anyway (its ledger and the vault lie there): a
// plan adds nothing that could stop it.

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

export class PublishedPlans {
  readonly #dynamodb: DynamoDBClient;

  constructor(dynamodb: DynamoDBClient) {
    this.#dynamodb = dynamodb;
  }

  /** Makes it the project's plan, unless a later version is there. @throws an infrastructure fault; again is safe. */
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
      // Two pushes at once: the later version is in force, as it should be.
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
    }
  }

  /** @returns null for a project without a plan. @throws an infrastructure fault, or an item that is none of ours. */
  async read(project: string): Promise<PublishedPlan | null> {
    const command = new GetItemCommand({ TableName: TABLES.ledger, Key: keyOf(project), ConsistentRead: true });
    const { Item } = await this.#dynamodb.send(command, { abortSignal: callDeadline() });
    if (Item === undefined) return null;
    const text = gunzipSync(Item["plan"]?.B ?? new Uint8Array()).toString();
    return { version: Number(Item["version"]?.N), plan: TrackingPlan.parse(JSON.parse(text)) };
  }
}

function keyOf(project: string) {
  return { pk: { S: `plan#${project}` }, sk: { S: CURRENT } };
}
