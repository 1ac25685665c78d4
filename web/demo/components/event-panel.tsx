/** Lists the events sent from this tab, newest first, and the event to be sent on leaving. Collapses to a bar on a phone. */
import { useState } from "preact/hooks";
import { LOCALES } from "../../locale.ts";
import { type SentEvent, type SentState, sentEvents } from "../sent-events.ts";
import { analyticsProblem, leavingMessageId } from "../shop-analytics.ts";

const STATE_LABELS: Record<SentState, string> = {
  queued: "waiting",
  stored: "stored",
  beacon: "by beacon",
  lost: "lost",
};

const time = new Intl.DateTimeFormat(LOCALES, { hour: "2-digit", minute: "2-digit", second: "2-digit" });

export function EventPanel() {
  const [open, setOpen] = useState(false);
  const events = sentEvents.value;
  return (
    <aside class="panel" data-open={open} data-testid="event-panel" aria-label="Events sent from this page">
      <header class="panel-head">
        <h2>
          Events sent <span class="panel-count">{events.length}</span>
        </h2>
        <a href="/" data-testid="dashboard-link">
          Dashboard →
        </a>
        <button
          type="button"
          class="panel-toggle"
          aria-expanded={open}
          data-testid="panel-toggle"
          onClick={() => setOpen(!open)}
        >
          {open ? "Hide" : "Show"}
        </button>
      </header>
      <div class="panel-body">
        {analyticsProblem.value && (
          <p class="panel-problem" role="alert" data-testid="analytics-problem">
            {analyticsProblem.value}
          </p>
        )}
        <p class="panel-leaving" data-testid="leave-event" data-message-id={leavingMessageId.value}>
          <strong>Page Left</strong> is sent by <code>sendBeacon</code> when you close this tab.
        </p>
        <ol class="panel-events" data-testid="sent-events">
          {events.map((event) => (
            <PanelEvent key={event.messageId} event={event} />
          ))}
        </ol>
      </div>
    </aside>
  );
}

function PanelEvent({ event }: { event: SentEvent }) {
  const { messageId, name, type, path, atMs, state } = event;
  return (
    <li
      class="panel-event"
      data-testid="sent-event"
      data-message-id={messageId}
      data-event={name}
      data-type={type}
      data-state={state}
    >
      <span class="panel-name">
        {type === "page" ? `Page: ${name}` : name}
        <span class="panel-state">{STATE_LABELS[state]}</span>
      </span>
      <span class="panel-meta">
        <span class="panel-path">{path}</span>
        <time dateTime={new Date(atMs).toISOString()}>{time.format(atMs)}</time>
      </span>
      <code class="panel-id" title={messageId}>
        {messageId}
      </code>
    </li>
  );
}
