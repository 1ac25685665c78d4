// Simulates the query backend in Node. It knows the scripted keys, fails as scripted, and answers every other call with the
// request that it received.

import { createServer, type ServerResponse } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { closeServer, type ListeningPart, listenOnLoopback } from "../../../../local/emulators/listening.ts";
import { verifySignature } from "./signature.ts";

const SECRET = "local-secret";

export interface ReceivedCall {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: string;
  /** Null if the signature was wrong. */
  signature: { service: string; headers: string[] } | null;
}

/**
 * The answer that `PUT /test/answers` sets for a path: a status and a body with optional `headers`; or `cut` for a connection
 * that breaks; or `pieces`, sent in sequence with a pause before each piece.
 */
export interface ScriptedAnswer {
  path: string;
  status: number;
  body: unknown;
  cut?: boolean;
  headers?: Record<string, string>;
  pieces?: { texts: string[]; pauseMs: number };
}

export async function startQueryBackend(): Promise<ListeningPart> {
  const answers = new Map<string, ScriptedAnswer>();
  const counts = new Map<string, number>();
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const url = request.url ?? "/";
    const path = url.split("?")[0] as string;
    const send = (status: number, value: unknown, headers: Record<string, string> = {}) => {
      response.writeHead(status, { "Content-Type": "application/json", ...headers });
      response.end(JSON.stringify(value));
    };
    if (path === "/test/answers") {
      const answer = JSON.parse(body) as ScriptedAnswer;
      answers.set(answer.path, answer);
      return send(200, {});
    }
    if (path.startsWith("/test/count/")) return send(200, { count: counts.get(path.slice("/test/count".length)) ?? 0 });
    counts.set(path, (counts.get(path) ?? 0) + 1);
    const scripted = answers.get(path);
    if (scripted?.cut === true) return request.socket.resetAndDestroy();
    if (scripted?.pieces !== undefined) return sendPieces(response, scripted.pieces);
    if (scripted !== undefined) return send(scripted.status, scripted.body, scripted.headers);
    if (path === "/healthz") return send(200, {});
    if (path.startsWith("/internal/keys/")) return send(404, {});
    const call: ReceivedCall = {
      method: request.method ?? "",
      url,
      headers: request.headers as Record<string, string>,
      body,
      signature: verifySignature({ method: request.method ?? "", url, headers: request.headers, body }, SECRET),
    };
    return send(200, { data: call });
  });
  const endpoint = await listenOnLoopback(server, 0);
  return { endpoint, stop: () => closeServer(server) };
}

async function sendPieces(
  response: ServerResponse,
  { texts, pauseMs }: NonNullable<ScriptedAnswer["pieces"]>,
): Promise<void> {
  response.writeHead(200, { "Content-Type": "application/x-ndjson" });
  response.flushHeaders();
  for (const text of texts) {
    await pause(pauseMs);
    response.write(text);
  }
  response.end();
}
