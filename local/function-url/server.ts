// A function URL on loopback. It passes an HTTP request to the handler in payload format 2.0 and returns the handler's answer.
// Only signed requests pass. https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html

import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { LambdaContext } from "../../backend/src/stream/event.ts";
import { closeServer, type ListeningPart, listenOnLoopback } from "../emulators/listening.ts";
import { type Credentials, isSigned } from "./signature.ts";
import { type StreamingHandler, streamsItsAnswer } from "./streaming.ts";

/** Lambda's own limit is 6 MB for a request. */
const BODY_MAX_BYTES = 6 * 1024 * 1024;

export interface HttpEvent {
  version: "2.0";
  routeKey: "$default";
  rawPath: string;
  rawQueryString: string;
  cookies?: string[];
  headers: Record<string, string>;
  requestContext: {
    accountId: string;
    apiId: string;
    domainName: string;
    domainPrefix: string;
    http: { method: string; path: string; protocol: string; sourceIp: string; userAgent: string };
    requestId: string;
    routeKey: "$default";
    stage: "$default";
    time: string;
    timeEpoch: number;
  };
  body?: string;
  isBase64Encoded: boolean;
}

export interface HttpAnswer {
  statusCode: number;
  headers?: Record<string, string>;
  cookies?: string[];
  body?: string;
  isBase64Encoded?: boolean;
}

export type HttpHandler = (event: HttpEvent, context: LambdaContext) => Promise<HttpAnswer>;

export interface FunctionUrlOptions {
  functionName: string;
  handler: HttpHandler;
  credentials: Credentials;
  port: number;
  timeoutMs: number;
}

/** @throws the system's error if the port is taken. */
export async function startFunctionUrl(options: FunctionUrlOptions): Promise<ListeningPart> {
  const server = createServer((request, response) => {
    answer(options, request, response).catch((fault: unknown) => {
      console.error(
        JSON.stringify({ level: "error", message: "function failed", problem: String(fault).slice(0, 300) }),
      );
      if (!response.headersSent) response.writeHead(502);
      response.end();
    });
  });
  const endpoint = await listenOnLoopback(server, options.port);
  return { endpoint, stop: () => closeServer(server) };
}

async function answer(options: FunctionUrlOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await readBody(request);
  if (body === undefined) {
    response.writeHead(413, { connection: "close" }).end();
    return;
  }
  const { method = "GET", url = "/", headers } = request;
  if (!isSigned({ method, url, headers, body }, options.credentials, Date.now())) {
    response.writeHead(403, { "content-type": "application/json" }).end('{"Message":"Forbidden"}');
    return;
  }
  const deadlineMs = Date.now() + options.timeoutMs;
  const event = toEvent(method, url, request, body);
  const context: LambdaContext = {
    functionName: options.functionName,
    awsRequestId: event.requestContext.requestId,
    getRemainingTimeInMillis: () => Math.max(0, deadlineMs - Date.now()),
  };
  const { handler, timeoutMs } = options;
  if (streamsItsAnswer(handler)) {
    const streaming = handler as unknown as StreamingHandler<HttpEvent, LambdaContext>;
    response.statusCode = 502;
    await withinTime(streaming(event, response, context), timeoutMs);
    return;
  }
  const result = await withinTime(handler(event, context), timeoutMs);
  const answerHeaders: Record<string, string | string[]> = { ...result.headers };
  if (result.cookies !== undefined && result.cookies.length > 0) answerHeaders["set-cookie"] = result.cookies;
  const bytes = Buffer.from(result.body ?? "", result.isBase64Encoded === true ? "base64" : "utf8");
  delete answerHeaders["content-length"];
  response.writeHead(result.statusCode, answerHeaders).end(bytes);
}

async function withinTime<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  });
  return Promise.race([work, timeout]).finally(() => clearTimeout(timer));
}

/** Undefined when the body is larger than Lambda would accept. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_MAX_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function toEvent(method: string, url: string, request: IncomingMessage, body: Buffer): HttpEvent {
  const { pathname, search } = new URL(url, "http://localhost");
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (name !== "cookie" && value !== undefined) headers[name] = Array.isArray(value) ? value.join(",") : value;
  }
  const nowMs = Date.now();
  const host = request.headers.host ?? "localhost";
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath: pathname,
    rawQueryString: search.slice(1),
    ...(request.headers.cookie === undefined ? {} : { cookies: request.headers.cookie.split(/;\s*/) }),
    headers,
    requestContext: {
      accountId: "000000000000",
      apiId: "local",
      domainName: host,
      domainPrefix: host.split(".")[0] ?? "local",
      http: {
        method,
        path: pathname,
        protocol: `HTTP/${request.httpVersion}`,
        sourceIp: request.socket.remoteAddress ?? "127.0.0.1",
        userAgent: request.headers["user-agent"] ?? "",
      },
      requestId: randomUUID(),
      routeKey: "$default",
      stage: "$default",
      time: new Date(nowMs).toISOString(),
      timeEpoch: nowMs,
    },
    ...(body.length === 0 ? {} : { body: body.toString("base64") }),
    isBase64Encoded: body.length > 0,
  };
}
