/** A titled panel of the dashboard. */
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface CardProps {
  title: string;
  /** Shown to the right of the title. */
  aside?: ComponentChildren;
  class?: string;
  testId?: string;
  children: ComponentChildren;
}

export function Card({ title, aside, class: className = "", testId, children }: CardProps) {
  const titleId = useId();
  return (
    <section class={`card ${className}`} aria-labelledby={titleId} data-testid={testId}>
      <div class="card-head">
        <h2 class="card-title" id={titleId}>
          {title}
        </h2>
        {aside}
      </div>
      {children}
    </section>
  );
}
