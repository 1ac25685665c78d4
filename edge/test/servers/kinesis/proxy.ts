// Runs a proxy in Node between the edge and the emulator, which fails as scripted, per project. `/test/*` controls the proxy.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { closeServer, type ListeningPart, listenOnLoopback } from "../../../../local/emulators/listening.ts";
import { type Fault, projectOf, type StreamState } from "./faults.ts";

interface PutRecords {
  StreamName: string;
  Records: { PartitionKey: string; Data: string }[];
}
interface PutResult {
  SequenceNumber?: string;
  ShardId?: string;
  ErrorCode?: string;
  ErrorMessage?: string;
}

const CREDENTIAL = "Credential=local/20260101/us-east-1/kinesis/aws4_request";

export async function callKinesis(endpoint: string, operation: string, input: unknown): Promise<Response> {
  return fetch(endpoint, {
    method: "POST",
    headers: {
      "Content-Type": "application/x-amz-json-1.1",
      "X-Amz-Target": `Kinesis_20131202.${operation}`,
      "X-Amz-Date": "20260101T000000Z",
      Authorization: `AWS4-HMAC-SHA256 ${CREDENTIAL}, SignedHeaders=host, Signature=0`,
    },
    body: JSON.stringify(input),
  });
}

export async function startFaultyKinesis(upstream: string): Promise<ListeningPart> {
  const faults = new Map<string, Fault[]>();
  const states = new Map<string, StreamState>();
  let describeStatus = 200;

  const stateOf = (project: string): StreamState => {
    let state = states.get(project);
    if (state === undefined) states.set(project, (state = { arrived: [], calls: 0 }));
    return state;
  };

  const nextFault = (project: string): Fault => {
    const queue = faults.get(project) ?? [];
    const fault = queue[0];
    if (fault === undefined) return { kind: "pass" };
    const times = (fault.times ?? 1) - 1;
    if (times > 0) fault.times = times;
    else queue.shift();
    return fault;
  };

  /** Forwards the chosen records, and records those that the emulator stored. */
  const store = async (input: PutRecords, chosen: readonly boolean[], error: string): Promise<PutResult[]> => {
    const records = input.Records.filter((_, index) => chosen[index]);
    const results: PutResult[] = [];
    if (records.length > 0) {
      const answer = await callKinesis(upstream, "PutRecords", { ...input, Records: records });
      if (answer.status !== 200) throw new Error(`the emulator answered ${answer.status}: ${await answer.text()}`);
      const { Records: stored } = JSON.parse(await answer.text()) as { Records: PutResult[] };
      results.push(...stored);
    }
    for (const [index, { PartitionKey, Data }] of records.entries()) {
      const sequenceNumber = results[index]?.SequenceNumber ?? "";
      stateOf(projectOf(PartitionKey)).arrived.push({ partitionKey: PartitionKey, data: Data, sequenceNumber });
    }
    let next = 0;
    return chosen.map((taken) => (taken ? (results[next++] as PutResult) : { ErrorCode: error, ErrorMessage: error }));
  };

  const putRecords = async (input: PutRecords, request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const project = projectOf(input.Records[0]?.PartitionKey ?? "");
    stateOf(project).calls++;
    const fault = nextFault(project);
    const all = input.Records.map(() => true);
    switch (fault.kind) {
      case "pass":
        return answerJson(response, 200, { FailedRecordCount: 0, Records: await store(input, all, "") });
      case "mask": {
        const chosen = all.map((_, index) => fault.stored[index % fault.stored.length] as boolean);
        const failed = chosen.filter((taken) => !taken).length;
        return answerJson(response, 200, {
          FailedRecordCount: failed,
          Records: await store(input, chosen, fault.error),
        });
      }
      case "commit_then_reset":
        await store(input, all, "");
        request.socket.resetAndDestroy();
        return;
      case "reset":
        request.socket.resetAndDestroy();
        return;
      case "hang":
        return;
      case "late":
        setTimeout(() => void store(input, all, "").catch(() => {}), fault.afterMs);
        return;
      case "shuffled": {
        const results = await store(input, all, "");
        return answerJson(response, 200, { FailedRecordCount: 0, Records: results.reverse() });
      }
      case "trickle":
        await store(input, all, "");
        response.writeHead(200, { "Content-Type": "application/x-amz-json-1.1" });
        response.write('{"Records":[');
        return;
      case "status":
        return answerJson(response, fault.status, { __type: fault.type, message: "as told" });
      case "answer":
        if (fault.commit) await store(input, all, "");
        response.writeHead(200, { "Content-Type": "application/x-amz-json-1.1" });
        response.end(fault.text);
    }
  };

  const testDoor = (path: string, text: string, response: ServerResponse): void => {
    const [, , what, project = ""] = path.split("/");
    if (what === "faults") faults.set(project, JSON.parse(text) as Fault[]);
    if (what === "describe") describeStatus = Number(project);
    answerJson(response, 200, what === "state" ? stateOf(project) : {});
  };

  const server = createServer(async (request, response) => {
    const text = await readText(request);
    if (request.url?.startsWith("/test/")) return testDoor(request.url, text, response);
    const operation = String(request.headers["x-amz-target"]).split(".")[1] as string;
    if (operation === "PutRecords") return putRecords(JSON.parse(text) as PutRecords, request, response);
    if (describeStatus !== 200) return answerJson(response, describeStatus, { __type: "InternalFailure" });
    const answer = await callKinesis(upstream, operation, JSON.parse(text));
    return answerJson(response, answer.status, await answer.json());
  });
  const endpoint = await listenOnLoopback(server, 0);
  return {
    endpoint,
    stop: () => {
      server.closeAllConnections();
      return closeServer(server);
    },
  };
}

function answerJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "Content-Type": "application/x-amz-json-1.1" });
  response.end(JSON.stringify(body));
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
