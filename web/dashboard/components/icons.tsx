/** Draws the page's icons in the colour of the text beside them. A label always carries the same information. */
import type { ComponentChildren } from "preact";

function Icon({ children }: { children: ComponentChildren }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      {children}
    </svg>
  );
}

export function LogoMark() {
  return (
    <svg class="logo" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="9" />
      <path d="M6 17h4.2l2.6-7.5 5 14 3.2-9.2 1.5 2.7H26" />
    </svg>
  );
}

export const BagIcon = () => (
  <Icon>
    <path d="M4.2 7h11.6l.9 9.5H3.3zM7.2 9V6a2.8 2.8 0 0 1 5.6 0v3" />
  </Icon>
);

export const SunIcon = () => (
  <Icon>
    <circle cx="10" cy="10" r="3.2" />
    <path d="M10 2.5v1.8M10 15.7v1.8M2.5 10h1.8M15.7 10h1.8M4.7 4.7 6 6M14 14l1.3 1.3M15.3 4.7 14 6M6 14l-1.3 1.3" />
  </Icon>
);

export const MoonIcon = () => (
  <Icon>
    <path d="M16.5 11.6A6.8 6.8 0 0 1 8.4 3.5a6.8 6.8 0 1 0 8.1 8.1z" />
  </Icon>
);

export const SignOutIcon = () => (
  <Icon>
    <path d="M8 3.5H4.5v13H8M12.5 6.5 16 10l-3.5 3.5M16 10H8" />
  </Icon>
);

export const CloseIcon = () => (
  <Icon>
    <path d="m5 5 10 10M15 5 5 15" />
  </Icon>
);

export const PauseIcon = () => (
  <Icon>
    <path d="M7 5v10M13 5v10" />
  </Icon>
);

export const PlayIcon = () => (
  <Icon>
    <path d="m7 4.5 8 5.5-8 5.5z" />
  </Icon>
);

export const CopyIcon = () => (
  <Icon>
    <path d="M7.5 7.5h8v8h-8zM4.5 12.5v-8h8" />
  </Icon>
);

export const CheckIcon = () => (
  <Icon>
    <path d="m4.5 10.5 3.6 3.6 7.4-8" />
  </Icon>
);

export const WarningIcon = () => (
  <Icon>
    <path d="M10 3.5 17.5 16.5h-15zM10 8.2v3.8M10 14.2v.1" />
  </Icon>
);

export const KeyIcon = () => (
  <Icon>
    <circle cx="7" cy="13" r="3.2" />
    <path d="m9.3 10.7 6.2-6.2M13 7l2.2 2.2" />
  </Icon>
);

const TYPE_PATHS: Record<string, string> = {
  track: "m5 3.5 10 6.2-4.4 1.2L8.4 15z",
  page: "M5.5 3h6l3.5 3.5V17h-9.5zM11.5 3v3.5H15",
  screen: "M6 2.5h8v15H6zM9 15h2",
  identify: "M10 9.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM4 17a6 6 0 0 1 12 0",
  group:
    "M7 9.5a2.6 2.6 0 1 0 0-5.2 2.6 2.6 0 0 0 0 5.2zM2 16.5a5 5 0 0 1 10 0M13 4.6a2.6 2.6 0 0 1 0 4.8M14.4 12a5 5 0 0 1 3.6 4.5",
  alias: "M8.2 11.8a3 3 0 0 0 4.2 0l3-3a3 3 0 0 0-4.2-4.2l-1 1M11.8 8.2a3 3 0 0 0-4.2 0l-3 3a3 3 0 0 0 4.2 4.2l1-1",
};

export function EventTypeIcon({ type }: { type: string }) {
  return (
    <span class="event-icon" data-type={type}>
      <Icon>
        <path d={TYPE_PATHS[type] ?? TYPE_PATHS.track} />
      </Icon>
    </span>
  );
}
