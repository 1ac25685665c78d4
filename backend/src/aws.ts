// Creates the AWS clients, once per process. All clients use HTTP/1.1, because both emulators refuse the Kinesis client's HTTP/2.
// Calls have few retries and a deadline: `requestTimeout` alone does not bound a body that arrives slowly.

import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { KinesisClient } from "@aws-sdk/client-kinesis";
import { S3Client } from "@aws-sdk/client-s3";
import { SNSClient } from "@aws-sdk/client-sns";
import { LIMITS } from "@behaviour/contract";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import type { Config } from "./config.ts";

function clientOptions(config: Config, endpoint: string | undefined) {
  return {
    region: config.region,
    maxAttempts: 3,
    requestHandler: new NodeHttpHandler({
      connectionTimeout: 3_000,
      requestTimeout: LIMITS.callDeadlineMs,
      throwOnRequestTimeout: true,
      httpAgent: { keepAlive: true, maxSockets: 64 },
      httpsAgent: { keepAlive: true, maxSockets: 64 },
    }),
    ...(endpoint === undefined ? {} : { endpoint }),
  };
}

export function kinesisClient(config: Config): KinesisClient {
  return new KinesisClient(clientOptions(config, config.kinesisEndpoint));
}

export function dynamodbClient(config: Config): DynamoDBClient {
  return new DynamoDBClient(clientOptions(config, config.dynamodbEndpoint));
}

export function s3Client(config: Config): S3Client {
  return new S3Client({ ...clientOptions(config, config.s3Endpoint), forcePathStyle: config.s3Endpoint !== undefined });
}

export function snsClient(config: Config): SNSClient {
  return new SNSClient(clientOptions(config, config.snsEndpoint));
}

/** The deadline to pass as `abortSignal` with every call. It also bounds the reading of the body. */
export function callDeadline(): AbortSignal {
  return AbortSignal.timeout(LIMITS.callDeadlineMs);
}
