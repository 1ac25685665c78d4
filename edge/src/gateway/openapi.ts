// `GET /openapi.json`: the document that openapi/ makes of the route tables at build time.

import { json } from "../answer/respond.ts";

/** Made into values only when somebody asks. */
export async function openApi(requestId: string): Promise<Response> {
  const { default: document } = await import("./openapi.generated.json");
  return json(200, document, requestId, { "Cache-Control": "public, max-age=300" });
}
