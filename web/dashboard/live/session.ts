/** Holds whether this browser is signed in. The proof is an HttpOnly cookie, so only an answer of the API can show it. */
import { signal } from "@preact/signals";
import { request } from "../api/client.ts";

export type SessionState =
  /** Not known before the first answer. */
  "unknown" | "signedOut" | "signedIn";

export const session = signal<SessionState>("unknown");

/** Exchanges a secret key for the cookie. Resolves to a message for the person, or to undefined if the sign-in succeeded. */
export async function signIn(secretKey: string): Promise<string | undefined> {
  const headers = { authorization: `Bearer ${secretKey}` };
  const answer = await request("/v1/session", { method: "POST", headers });
  if (answer.kind === "ok") {
    session.value = "signedIn";
    return undefined;
  }
  if (answer.kind === "unauthorized") return "This key is not valid, or it may not read this project.";
  return answer.kind === "fault" ? answer.message : "This server has no session endpoint.";
}

export async function signOut(): Promise<void> {
  session.value = "signedOut";
  await request("/v1/session", { method: "DELETE" });
}

/** Removes a key from the address `/#key=sk_…` and from the history, so that it is neither shared nor kept. */
export function takeKeyFromAddress(): string | undefined {
  const key = new URLSearchParams(location.hash.slice(1)).get("key");
  if (key === null) return undefined;
  history.replaceState(history.state, "", location.pathname + location.search);
  return key || undefined;
}
