// Serves the dashboard, the demo shop and the browser SDK from the assets binding, with headers that exclude foreign code.

import { Refusal } from "../answer/refusal.ts";
import { json, withCommonHeaders } from "../answer/respond.ts";
import type { Env } from "../env.ts";

const PAGE_HEADERS = {
  "Content-Security-Policy":
    "default-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "strict-origin-when-cross-origin",
  "X-Frame-Options": "DENY",
};

/** The form of a file's path. The assets binding redirects other paths (`//`, `..` or a backslash in any encoding). */
const FILE_PATH = /^(?:\/[\w-][\w.-]*)*\/?$/;
const NOT_MODIFIED = 304;

/** The file at the request's path; `/demo` is `demo.html`, with and without a trailing slash. Never a redirect. */
export async function page(request: Request, env: Env, requestId: string): Promise<Response | Refusal> {
  const url = new URL(request.url);
  if (env.ASSETS === undefined || !FILE_PATH.test(url.pathname)) return new Refusal("not_found");
  url.pathname = url.pathname.replace(/(?<=.)\/$/, "").replace(/(?:(?<=\/)index)?\.html$/, "");
  const answer = await env.ASSETS.fetch(new Request(url, request));
  if (!answer.ok && answer.status !== NOT_MODIFIED) {
    await answer.body?.cancel();
    return new Refusal(answer.status >= 500 ? "unavailable" : "not_found");
  }
  // Every site may read this, like all our answers: other sites load the SDK from here, and no page holds private data.
  const response = withCommonHeaders(answer, requestId);
  for (const [name, value] of Object.entries(PAGE_HEADERS)) response.headers.set(name, value);
  return response;
}

/** The configuration of the demo page. */
export function demoConfig(env: Env, requestId: string): Response | Refusal {
  if (env.DEMO_WRITE_KEY === undefined) {
    return new Refusal("not_found", { message: "The demo page has no key. Set DEMO_WRITE_KEY." });
  }
  return json(200, { writeKey: env.DEMO_WRITE_KEY }, requestId, { "Cache-Control": "no-store" });
}

/** Global Privacy Control is honoured. https://www.w3.org/TR/gpc/#gpc-support-resource */
export function gpcSupport(requestId: string): Response {
  return json(200, { gpc: true, lastUpdate: "2026-11-25" }, requestId);
}
