/** Lists refusals since the page was opened, by code. The banner is absent while there are no refusals. */
import { formatCount, formatTime } from "../format.ts";
import { forgetRefusals, type RefusalRow, refusals } from "../live/refusals.ts";
import { WarningIcon } from "./icons.tsx";

export function RefusalsBanner() {
  const rows = refusals.value;
  if (rows.length === 0) return null;
  return (
    <section class="banner" aria-label="Refused" data-testid="refusals">
      <WarningIcon />
      <ul class="refusals">
        {rows.map((row) => (
          <Refusal key={`${row.code} ${row.pointer}`} row={row} />
        ))}
      </ul>
      <button type="button" class="button button-small" data-testid="refusals-dismiss" onClick={forgetRefusals}>
        Dismiss
      </button>
    </section>
  );
}

function Refusal({ row: { code, pointer, message, count, at } }: { row: RefusalRow }) {
  return (
    <li data-code={code}>
      <strong>
        {formatCount(count)} × {code}
      </strong>
      {pointer !== "" && <code> {pointer}</code>} {message} <time dateTime={at}>{formatTime(at)}</time>
    </li>
  );
}
