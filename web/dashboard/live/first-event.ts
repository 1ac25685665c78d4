/** Loads the key for the first event's curl command. Only a local server reveals it; otherwise a placeholder remains. */
import { signal } from "@preact/signals";
import { request } from "../api/client.ts";

export const publicKey = signal("pk_…");

let asked = false;

export async function loadPublicKey(): Promise<void> {
  if (asked) return;
  asked = true;
  const answer = await request("/demo/config.json", {});
  if (answer.kind === "ok" && typeof answer.data.writeKey === "string") publicKey.value = answer.data.writeKey;
}
