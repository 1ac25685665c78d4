// Serves `GET /openapi.json`, the document that openapi/ generates from the route tables at build time.

import { json } from "../answer/respond.ts";

/** The document is imported, and so parsed, only on request. */
export async function openApi(requestId: string): Promise<Response> {
  const { default: document } = await import("./openapi.generated.json");
  return json(200, document, requestId, { "Cache-Control": "public, max-age=300" });
}
