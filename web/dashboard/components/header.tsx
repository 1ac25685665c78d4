/** The top bar shows the brand, whether the figures are live, and the page's few actions. */
import { computed } from "@preact/signals";
import { formatAge } from "../format.ts";
import { nowMs } from "../live/clock.ts";
import { fault } from "../live/poller.ts";
import { updatedAtMs } from "../live/realtime.ts";
import { signOut } from "../live/session.ts";
import { theme, toggleTheme } from "../theme.ts";
import { BagIcon, LogoMark, MoonIcon, SignOutIcon, SunIcon } from "./icons.tsx";

const STALE_AFTER_MS = 4_000;

const liveness = computed(() => {
  if (updatedAtMs.value === 0) return { state: "waiting", label: "Connecting" };
  const ageMs = nowMs.value - updatedAtMs.value;
  if (fault.value || ageMs > STALE_AFTER_MS) return { state: "stale", label: `${formatAge(ageMs)} ago` };
  return { state: "live", label: "Live" };
});

export function Header() {
  const { state, label } = liveness.value;
  const isDark = theme.value === "dark";
  return (
    <header class="topbar">
      <div class="topbar-inner">
        <a class="brand" href="/">
          <LogoMark />
          <span>Behaviour</span>
        </a>
        <span class={`live live-${state}`} data-testid="live-status" data-state={state}>
          <span class="live-dot" aria-hidden="true" />
          {state === "stale" && <span class="visually-hidden">As of </span>}
          {label}
        </span>
        <nav class="topbar-actions" aria-label="Page">
          <a class="button button-quiet" href="/demo" data-testid="demo-link">
            <BagIcon />
            <span class="button-label">Demo shop</span>
          </a>
          <button
            type="button"
            class="button button-quiet button-icon"
            onClick={toggleTheme}
            data-testid="theme-toggle"
            aria-label={isDark ? "Use the light theme" : "Use the dark theme"}
          >
            {isDark ? <SunIcon /> : <MoonIcon />}
          </button>
          <button
            type="button"
            class="button button-quiet"
            onClick={() => void signOut()}
            data-testid="sign-out"
            aria-label="Sign out"
          >
            <SignOutIcon />
            <span class="button-label">Sign out</span>
          </button>
        </nav>
      </div>
    </header>
  );
}
