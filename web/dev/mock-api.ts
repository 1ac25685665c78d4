/**
 * Replaces the Worker under `vite dev` only, with the same routes and shapes and with made-up traffic, so that the pages
 * can be developed alone. `MOCK_TRAFFIC=0` starts with an empty project. `POST /mock/fault` turns an outage on and off.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Plugin } from "vite";
import { MockProject, type SentEvent } from "./mock-project.ts";

const SECRET_KEY = "sk_test_mock";
const PUBLIC_KEY = "pk_test_mock";
const COOKIE = "session=mock";

export function mockApi(): Plugin {
  return {
    name: "mock-api",
    apply: "serve",
    configureServer(server) {
      const project = new MockProject(process.env.MOCK_TRAFFIC === "0" ? 0 : 38);
      let faulty = false;
      server.middlewares.use((request, response, next) => {
        const url = new URL(request.url ?? "/", "http://localhost");
        if (url.pathname === "/demo") request.url = "/demo.html";
        if (url.pathname === "/mock/fault") {
          faulty = !faulty;
          return answer(response, 200, { faulty });
        }
        if (url.pathname === "/demo/config.json") return answer(response, 200, { writeKey: PUBLIC_KEY });
        if (!url.pathname.startsWith("/v1/")) return next();
        if (faulty) return failure(response, 503, "unavailable", "The store is not reachable");
        void route(project, request, url, response);
      });
    },
  };
}

async function route(project: MockProject, request: IncomingMessage, url: URL, response: ServerResponse) {
  if (url.pathname === "/v1/session") return session(request, response);
  if (request.method === "POST") {
    const body = JSON.parse(await textOf(request)) as SentEvent & { batch?: SentEvent[] };
    const events = body.batch ?? [body];
    for (const event of events) project.accept(event);
    return answer(response, 200, {
      success: true,
      accepted: events.length,
      duplicates: 0,
      suppressed: 0,
      rejected: [],
    });
  }
  if (!request.headers.cookie?.includes(COOKIE)) return failure(response, 401, "missing_api_key", "A key is needed");
  if (url.pathname === "/v1/query/realtime") return answer(response, 200, { data: project.realtime() });
  if (url.pathname === "/v1/events") return answer(response, 200, { data: project.newest(20), nextCursor: null });
  const stages = project.stages(decodeURIComponent(url.pathname.slice("/v1/events/".length)));
  if (stages) return answer(response, 200, { data: stages });
  return failure(response, 404, "not_found", "No such message");
}

function session(request: IncomingMessage, response: ServerResponse): void {
  if (request.method === "DELETE") {
    response.setHeader("set-cookie", `${COOKIE}; Max-Age=0; Path=/; HttpOnly; SameSite=Strict`);
    return answer(response, 200, { success: true });
  }
  if (request.headers.authorization !== `Bearer ${SECRET_KEY}`) {
    return failure(response, 401, "invalid_api_key", "This key is not valid");
  }
  response.setHeader("set-cookie", `${COOKIE}; Path=/; HttpOnly; SameSite=Strict`);
  return answer(response, 200, { success: true });
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function failure(response: ServerResponse, status: number, code: string, message: string): void {
  answer(response, status, { success: false, code, message, error: message, request_id: "mock" });
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}
