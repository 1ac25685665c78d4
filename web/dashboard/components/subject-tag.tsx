/** Shows the pseudonym of an event's subject, with a colour that makes it recognisable. */
import type { EventRow } from "../api/types.ts";

export function SubjectTag({ row }: { row: EventRow }) {
  const subject = row.subject ?? row.userId ?? row.anonymousId;
  // An event that was accepted a moment ago has no pseudonym yet.
  if (!subject) return <span class="subject subject-none">{row.subject === undefined ? "…" : "unknown"}</span>;
  return (
    <span class="subject" title={`Pseudonym ${subject}`}>
      <span class="subject-dot" style={{ "--hue": hueOf(subject) }} aria-hidden="true" />
      {subject.slice(0, 8)}
    </span>
  );
}

/** The same subject always has the same colour. */
function hueOf(subject: string): number {
  let hash = 0;
  for (let index = 0; index < subject.length; index++) hash = (hash * 31 + subject.charCodeAt(index)) >>> 0;
  return hash % 360;
}
