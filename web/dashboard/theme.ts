/** Chooses light or dark: the system's theme until the person selects a theme. theme.js applies the selection before paint. */
import { signal } from "@preact/signals";

export type Theme = "light" | "dark";

const STORAGE_KEY = "dashboard.theme";
const systemDark = matchMedia("(prefers-color-scheme: dark)");

/** The theme in effect. */
export const theme = signal<Theme>(effectiveTheme());

systemDark.addEventListener("change", () => {
  theme.value = effectiveTheme();
});

export function toggleTheme(): void {
  const next: Theme = theme.value === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  try {
    localStorage.setItem(STORAGE_KEY, next);
  } catch {
    // storage is blocked: the choice holds for this page only
  }
  theme.value = next;
}

function effectiveTheme(): Theme {
  const chosen = document.documentElement.dataset.theme;
  if (chosen === "light" || chosen === "dark") return chosen;
  return systemDark.matches ? "dark" : "light";
}
