/** Lists the newest events, each with the stages it has reached. */
import { events, paused } from "../live/events.ts";
import { Card } from "./card.tsx";
import { EventRowItem } from "./event-row.tsx";
import { PauseIcon, PlayIcon } from "./icons.tsx";

export function NewestEvents() {
  const rows = events.value;
  return (
    <Card title="Newest events" class="events-card" testId="newest-events" aside={<PauseButton />}>
      {rows && rows.length > 0 && (
        <div class="events-columns" aria-hidden="true">
          <span>Event</span>
          <span>Who</span>
          <span>Where it is</span>
          <span>Received</span>
        </div>
      )}
      {rows?.length === 0 && <p class="card-empty">No event has reached the warm tier yet</p>}
      <ol class="events">
        {rows?.map((row) => (
          <EventRowItem key={row.messageId} row={row} />
        ))}
      </ol>
    </Card>
  );
}

function PauseButton() {
  return (
    <button
      type="button"
      class="button button-small"
      aria-pressed={paused.value}
      data-testid="pause-events"
      onClick={() => {
        paused.value = !paused.value;
      }}
    >
      {paused.value ? <PlayIcon /> : <PauseIcon />}
      {paused.value ? "Resume" : "Pause"}
    </button>
  );
}
