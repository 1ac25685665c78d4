/** Renders openapi.json as the API reference. Everything on the page comes from our own origin. */
import { computed, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { CopyButton } from "../dashboard/components/copy-button.tsx";
import { LogoMark, MoonIcon, SunIcon } from "../dashboard/components/icons.tsx";
import { theme, toggleTheme } from "../dashboard/theme.ts";
import { OperationView } from "./components/operation-view.tsx";
import { Sidebar } from "./components/sidebar.tsx";
import { Inline, Text } from "./components/text.tsx";
import { type Group, groupsOf, type OpenApi, search } from "./reference.ts";

const document_ = signal<OpenApi | undefined>(undefined);
const problem = signal<string | undefined>(undefined);
const searchText = signal("");
/** The id of the call at the top of the window. */
const current = signal(location.hash.slice(1));

const allGroups = computed<Group[]>(() => (document_.value ? groupsOf(document_.value) : []));
const groups = computed(() => search(allGroups.value, searchText.value));

export async function load(): Promise<void> {
  try {
    const answer = await fetch("/openapi.json");
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    document_.value = (await answer.json()) as OpenApi;
  } catch (error) {
    problem.value = `The reference could not be loaded (${error instanceof Error ? error.message : String(error)}).`;
  }
}

export function App() {
  return (
    <>
      <Header />
      {document_.value ? <Reference reference={document_.value} /> : <p class="waiting">{problem.value ?? "…"}</p>}
    </>
  );
}

function Header() {
  const isDark = theme.value === "dark";
  return (
    <header class="topbar">
      <div class="topbar-inner">
        <a class="brand" href="/">
          <LogoMark />
          <span>Behaviour</span>
        </a>
        <span class="topbar-title">API reference</span>
        <nav class="topbar-actions" aria-label="Page">
          <a class="button button-quiet topbar-document" href="/openapi.json">
            openapi.json
          </a>
          <a class="button button-quiet" href="/">
            Dashboard
          </a>
          <button
            type="button"
            class="button button-quiet button-icon"
            onClick={toggleTheme}
            aria-label={isDark ? "Use the light theme" : "Use the dark theme"}
          >
            {isDark ? <SunIcon /> : <MoonIcon />}
          </button>
        </nav>
      </div>
    </header>
  );
}

function Reference({ reference }: { reference: OpenApi }) {
  const shown = groups.value;
  useEffect(() => followReading(), [shown]);
  useEffect(() => {
    showAddressed();
    window.addEventListener("hashchange", showAddressed);
    return () => window.removeEventListener("hashchange", showAddressed);
  }, []);
  return (
    <div class="reference">
      <Sidebar groups={shown} text={searchText} current={current.value} />
      <main class="content">
        {searchText.value === "" && <Introduction reference={reference} />}
        {shown.map(({ name, description, operations }) => (
          <section key={name} class="group">
            <h2>{name}</h2>
            <p class="group-about">
              <Inline text={description} />
            </p>
            {operations.map((operation) => (
              <OperationView key={operation.id} document={reference} operation={operation} />
            ))}
          </section>
        ))}
      </main>
    </div>
  );
}

function Introduction({ reference: { info } }: { reference: OpenApi }) {
  const variables = `export ORIGIN=${location.origin}\nexport PUBLIC_KEY=pk_…\nexport SECRET_KEY=sk_…`;
  return (
    <section class="introduction">
      <div>
        <h1>{info.title}</h1>
        <Text text={info.description} />
      </div>
      <div class="sample">
        <div class="sample-head">
          <span>For the examples</span>
          <CopyButton text={variables} what="variables" />
        </div>
        <pre>
          <code>{variables}</code>
        </pre>
      </div>
    </section>
  );
}

/** Scrolls to the call in the address, even if the search filtered it out. */
function showAddressed(): void {
  const id = location.hash.slice(1);
  if (id === "") return;
  if (!groups.value.some(({ operations }) => operations.some((operation) => operation.id === id))) {
    searchText.value = "";
  }
  current.value = id;
  // The call is in the page only after the next render.
  requestAnimationFrame(() => document.getElementById(id)?.scrollIntoView());
}

/** Marks, in the sidebar, the call at the top of the window. */
function followReading(): () => void {
  const observer = new IntersectionObserver(
    (entries) => {
      const entered = entries.find(({ isIntersecting }) => isIntersecting);
      if (entered) current.value = entered.target.id;
    },
    { rootMargin: "-15% 0px -75% 0px" },
  );
  for (const operation of document.querySelectorAll(".operation")) observer.observe(operation);
  return () => observer.disconnect();
}
