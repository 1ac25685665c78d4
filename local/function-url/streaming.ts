// The global `awslambda`, which AWS's Node runtime provides to a handler that streams its answer. A handler wrapped by
// `streamifyResponse` gets the response as a stream instead of returning it.
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html

import type { ServerResponse } from "node:http";

export interface StreamMetadata {
  statusCode: number;
  headers?: Record<string, string>;
  cookies?: string[];
}

const STREAMS = Symbol("streams its answer");

/**
 * The stream is the response. If the handler writes before it sets the head, the answer is 502, because the handler is at fault.
 */
export type StreamingHandler<Event, Context> = (
  event: Event,
  stream: ServerResponse,
  context: Context,
) => Promise<void>;

function begin(response: ServerResponse, { statusCode, headers = {}, cookies = [] }: StreamMetadata): ServerResponse {
  const { "content-length": _length, ...rest } = headers;
  return response.writeHead(statusCode, cookies.length === 0 ? rest : { ...rest, "set-cookie": cookies });
}

/** Must be called before a handler's module is imported, because the module wraps its handler when it is loaded. */
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
