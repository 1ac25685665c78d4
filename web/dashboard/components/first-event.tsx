/** Shows two ways to send the first event while the project is empty and the page waits for it. */
import { useEffect } from "preact/hooks";
import { loadPublicKey, publicKey } from "../live/first-event.ts";
import { CopyButton } from "./copy-button.tsx";
import { BagIcon } from "./icons.tsx";

export function FirstEvent() {
  useEffect(() => void loadPublicKey(), []);
  const command = curlCommand(location.origin, publicKey.value);
  return (
    <section class="first" data-testid="empty-state" aria-labelledby="first-title">
      <span class="first-pulse" aria-hidden="true" />
      <h2 id="first-title">Waiting for the first event</h2>
      <p class="first-lead">
        Send one and watch it arrive: this page shows it within a second and follows it into every tier.
      </p>
      <div class="first-ways">
        <div class="card first-way">
          <h3>From a browser</h3>
          <p>The demo shop uses the JavaScript library. Look at a mug, put it in the cart, close the tab.</p>
          <a class="button button-primary" href="/demo" target="_blank" rel="noopener" data-testid="empty-demo-link">
            <BagIcon />
            Open the demo shop
          </a>
        </div>
        <div class="card first-way">
          <div class="first-way-head">
            <h3>From a terminal</h3>
            <CopyButton text={command} what="the command" />
          </div>
          {/* The code scrolls sideways, so it must be reachable by keyboard. */}
          <pre class="code" tabIndex={0} data-testid="curl-command">
            <code>{command}</code>
          </pre>
        </div>
      </div>
    </section>
  );
}

function curlCommand(origin: string, writeKey: string): string {
  return [
    `curl ${origin}/v1/track \\`,
    `  -H 'Authorization: Bearer ${writeKey}' \\`,
    "  -H 'Content-Type: application/json' \\",
    `  -d '{"anonymousId":"me","event":"Hello World"}'`,
  ].join("\n");
}
