/** Lists all calls, with a search that filters the list and the page. */
import type { Signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Group } from "../reference.ts";
import { Method } from "./operation-view.tsx";

export function Sidebar({ groups, text, current }: { groups: Group[]; text: Signal<string>; current: string }) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key !== "/" || event.target instanceof HTMLInputElement) return;
      event.preventDefault();
      input.current?.focus();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
  return (
    <nav class="sidebar" aria-label="Calls">
      <label class="field search">
        <span class="visually-hidden">Search the calls</span>
        <input
          ref={input}
          type="search"
          placeholder="Search   /"
          data-testid="docs-search"
          value={text.value}
          onInput={(event) => (text.value = event.currentTarget.value)}
        />
      </label>
      {groups.length === 0 && <p class="sidebar-none">No call matches “{text.value}”.</p>}
      {groups.map(({ name, operations }) => (
        <section key={name}>
          <h2>{name}</h2>
          <ol>
            {operations.map(({ id, method, path }) => (
              <li key={id}>
                <a href={`#${id}`} aria-current={id === current ? "true" : undefined}>
                  <Method method={method} />
                  <span>{path.replace(/^\/v1/, "")}</span>
                </a>
              </li>
            ))}
          </ol>
        </section>
      ))}
    </nav>
  );
}
