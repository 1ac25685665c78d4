// The pages: dashboard, demo shop, browser SDK, out of the assets binding, with headers that leave no room for foreign code.

import type { Env } from "../env.ts";
import { Refusal } from "../refusal.ts";
import { json, withCommonHeaders } from "../respond.ts";

const PAGE_HEADERS = {
  "Content-Security-Policy":
    "default-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "strict-origin-when-cross-origin",
  "X-Frame-Options": "DENY",
};

/** The file at the request's path; `/demo` is `demo.html`. */
export async function page(request: Request, env: Env, requestId: string): Promise<Response | Refusal> {
  if (env.ASSETS === undefined) return new Refusal("not_found");
  const answer = await env.ASSETS.fetch(request);
  if (answer.status === 404 || answer.status >= 500) {
    await answer.body?.cancel();
    return new Refusal(answer.status === 404 ? "not_found" : "unavailable");
  }
  // Readable by every site as all our answers are: other sites load the SDK from here, and no page holds anything private.
  const response = withCommonHeaders(answer, requestId);
  for (const [name, value] of Object.entries(PAGE_HEADERS)) response.headers.set(name, value);
  return response;
}

/** What the demo page needs to know. */
export function demoConfig(env: Env, requestId: string): Response | Refusal {
  if (env.DEMO_WRITE_KEY === undefined) {
    return new Refusal("not_found", { message: "The demo page has no key: set DEMO_WRITE_KEY." });
  }
  return json(200, { writeKey: env.DEMO_WRITE_KEY }, requestId, { "Cache-Control": "no-store" });
}

/** Global Privacy Control is honoured. https://www.w3.org/TR/gpc/#gpc-support-resource */
export function gpcSupport(requestId: string): Response {
  return json(200, { gpc: true, lastUpdate: "2026-11-25" }, requestId);
}
