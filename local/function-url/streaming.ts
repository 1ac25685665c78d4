// What AWS's Node runtime gives a handler that streams its answer: the global `awslambda`. A handler wrapped by
// `streamifyResponse` gets the response as a stream of its own instead of returning it.
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html

import type { ServerResponse } from "node:http";

export interface StreamMetadata {
  statusCode: number;
  headers?: Record<string, string>;
  cookies?: string[];
}

const STREAMS = Symbol("streams its answer");

/** The stream is the response: what is written before its head was set goes out as 502, a fault of the handler. */
export type StreamingHandler<Event, Context> = (
  event: Event,
  stream: ServerResponse,
  context: Context,
) => Promise<void>;

function begin(response: ServerResponse, { statusCode, headers = {}, cookies = [] }: StreamMetadata): ServerResponse {
  const { "content-length": _length, ...rest } = headers;
  return response.writeHead(statusCode, cookies.length === 0 ? rest : { ...rest, "set-cookie": cookies });
}

/** Must be called before a handler's module is imported: it wraps its handler then. */
export function installStreaming(): void {
  Object.assign(globalThis, {
    awslambda: {
      streamifyResponse: <H extends object>(handler: H): H => Object.assign(handler, { [STREAMS]: true }),
      HttpResponseStream: { from: begin },
    },
  });
}

export function streamsItsAnswer(handler: object): boolean {
  return STREAMS in handler;
}
