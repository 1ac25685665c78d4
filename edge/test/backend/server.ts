// Runs in Node: the query backend as the edge sees it. It knows the keys it was told of, fails as it was told, and answers
// every other call with what it received.

import { createServer } from "node:http";
import { closeServer, type ListeningPart, listenOnLoopback } from "../../../backend/local/emulators/listening.ts";
import { verifySignature } from "./signature.ts";

const SECRET = "local-secret";

export interface ReceivedCall {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: string;
  /** Null when the signature was wrong. */
  signature: { service: string; headers: string[] } | null;
}

/** What `PUT /test/answers` says of a path: a status and a body, or `cut` for a connection that breaks. */
export interface ScriptedAnswer {
  path: string;
  status: number;
  body: unknown;
  cut?: boolean;
}

export async function startQueryBackend(): Promise<ListeningPart> {
  const answers = new Map<string, ScriptedAnswer>();
  const counts = new Map<string, number>();
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const url = request.url ?? "/";
    const path = url.split("?")[0] as string;
    const send = (status: number, value: unknown) => {
      response.writeHead(status, { "Content-Type": "application/json" });
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
    if (scripted !== undefined) return send(scripted.status, scripted.body);
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
