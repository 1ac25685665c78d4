/** Starts the page: signs in if the address holds a key, then polls according to the session's state. */
import { effect } from "@preact/signals";
import { render } from "preact";
import { App } from "./app.tsx";
import { eventsPoller, openEvent } from "./live/events.ts";
import { realtimePoller } from "./live/realtime.ts";
import { session, signIn, takeKeyFromAddress } from "./live/session.ts";
import { stagesPoller } from "./live/stages.ts";
import { tail } from "./live/tail.ts";

const followers = [eventsPoller, stagesPoller, tail];

/** The figures' poller also finds out whether there is a session, so it alone runs while the session is unknown. */
function followSession(): void {
  effect(() => {
    const state = session.value;
    if (state === "signedOut") {
      for (const poller of [realtimePoller, ...followers]) poller.stop();
      openEvent.value = undefined;
    } else {
      realtimePoller.start();
      if (state === "signedIn") for (const poller of followers) poller.start();
    }
  });
}

async function start(): Promise<void> {
  const key = takeKeyFromAddress();
  const root = document.getElementById("app");
  if (!root) throw new Error("#app is missing");
  const problem = key === undefined ? undefined : await signIn(key);
  if (problem !== undefined) session.value = "signedOut";
  render(<App signInProblem={problem} />, root);
  followSession();
}

// A link with a key may be opened while the page is open already.
window.addEventListener("hashchange", () => {
  const key = takeKeyFromAddress();
  if (key !== undefined) void signIn(key);
});

void start();
