/** Shows one event of the list. A click anywhere on the row opens the event's details. */
import type { EventRow } from "../api/types.ts";
import { formatAge, formatTime } from "../format.ts";
import { nowMs } from "../live/clock.ts";
import { describeEvent } from "../live/describe-event.ts";
import { openEvent } from "../live/events.ts";
import { stageReports } from "../live/stages.ts";
import { EventTypeIcon } from "./icons.tsx";
import { StageTrack } from "./stage-track.tsx";
import { SubjectTag } from "./subject-tag.tsx";

export function EventRowItem({ row }: { row: EventRow }) {
  const { title, detail } = describeEvent(row);
  return (
    <li class="event" data-testid="event-row" data-message-id={row.messageId} data-event={row.event ?? row.type}>
      <EventTypeIcon type={row.type} />
      <div class="event-what">
        <button
          type="button"
          class="event-title"
          data-testid="open-event"
          aria-haspopup="dialog"
          onClick={() => {
            openEvent.value = row;
          }}
        >
          {title}
        </button>
        <span class="event-detail" title={detail}>
          {detail}
        </span>
      </div>
      <SubjectTag row={row} />
      <StageTrack report={stageReports.value.get(row.messageId)} />
      <time class="event-age" dateTime={row.receivedAt} title={formatTime(row.receivedAt)}>
        {formatAge(nowMs.value - Date.parse(row.receivedAt))}
      </time>
    </li>
  );
}
