/** Lists the most frequent items. A bar behind each item shows its count relative to the first item. */
import type { ComponentChildren } from "preact";
import { formatCount } from "../format.ts";
import { Card } from "./card.tsx";

export interface RankedItem {
  key: string;
  label: string;
  count: number;
  /** Shown before the label, for example a flag. */
  mark?: ComponentChildren;
}

interface RankedCardProps {
  title: string;
  testId: string;
  /** The text shown when the list is empty. */
  empty: string;
  /** Undefined before the first answer. */
  items: RankedItem[] | undefined;
}

const SHOWN_ITEMS = 7;

export function RankedCard({ title, testId, empty, items }: RankedCardProps) {
  const shown = items?.slice(0, SHOWN_ITEMS) ?? [];
  const most = Math.max(1, ...shown.map(({ count }) => count));
  return (
    <Card title={title} class="ranked-card" testId={testId} aside={<span class="card-aside">30 min</span>}>
      {items?.length === 0 && <p class="card-empty">{empty}</p>}
      {items === undefined && <Placeholder />}
      <ol class="ranked">
        {shown.map((item) => (
          <li class="ranked-item" key={item.key} data-testid={`${testId}-item`} data-value={item.key}>
            <span class="ranked-bar" style={{ width: `${(item.count / most) * 100}%` }} aria-hidden="true" />
            {item.mark}
            <span class="ranked-label" title={item.label}>
              {item.label}
            </span>
            <span class="ranked-count">{formatCount(item.count)}</span>
          </li>
        ))}
      </ol>
    </Card>
  );
}

function Placeholder() {
  return (
    <div class="placeholder" aria-hidden="true">
      <span />
      <span />
      <span />
    </div>
  );
}
