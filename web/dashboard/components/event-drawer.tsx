/** Shows one event in a modal dialog: its stages with times, and its JSON. Escape or a click outside closes the dialog. */
import { useEffect, useRef } from "preact/hooks";
import type { EventRow } from "../api/types.ts";
import { describeEvent } from "../live/describe-event.ts";
import { openEvent } from "../live/events.ts";
import { stageReports } from "../live/stages.ts";
import { CopyButton } from "./copy-button.tsx";
import { CloseIcon, EventTypeIcon } from "./icons.tsx";
import { JsonView } from "./json-view.tsx";
import { StageTimeline } from "./stage-timeline.tsx";

export function EventDrawer() {
  const dialog = useRef<HTMLDialogElement>(null);
  const row = openEvent.value;
  useEffect(() => {
    if (row && !dialog.current?.open) dialog.current?.showModal();
    if (!row && dialog.current?.open) dialog.current.close();
  }, [row]);
  useEffect(() => closeBesideIt(dialog.current), []);
  return (
    <dialog class="drawer" ref={dialog} aria-labelledby="drawer-title" data-testid="event-drawer" onClose={close}>
      {row && <DrawerContent row={row} />}
    </dialog>
  );
}

/** The content fills the dialog's own box, so a click whose target is the dialog itself hit the backdrop. */
function closeBesideIt(dialog: HTMLDialogElement | null): (() => void) | undefined {
  if (!dialog) return undefined;
  const onClick = (event: MouseEvent): void => {
    if (event.target === dialog) dialog.close();
  };
  dialog.addEventListener("click", onClick);
  return () => dialog.removeEventListener("click", onClick);
}

function close(): void {
  openEvent.value = undefined;
}

function DrawerContent({ row }: { row: EventRow }) {
  const { title, detail } = describeEvent(row);
  const json = JSON.stringify(row, null, 2);
  return (
    <div class="drawer-content">
      <header class="drawer-head">
        <EventTypeIcon type={row.type} />
        <div class="drawer-heading">
          <h2 id="drawer-title">{title}</h2>
          <p>{detail}</p>
        </div>
        <button
          type="button"
          class="button button-quiet button-icon"
          aria-label="Close"
          data-testid="drawer-close"
          onClick={close}
        >
          <CloseIcon />
        </button>
      </header>
      <div class="drawer-body">
        <div class="message-id">
          <code data-testid="drawer-message-id">{row.messageId}</code>
          <CopyButton text={row.messageId} what="messageId" />
        </div>
        <section>
          <h3>Its way</h3>
          <StageTimeline row={row} report={stageReports.value.get(row.messageId)} />
        </section>
        <section>
          <div class="drawer-json-head">
            <h3>As stored</h3>
            <CopyButton text={json} what="JSON" />
          </div>
          <JsonView json={json} />
        </section>
      </div>
    </div>
  );
}
