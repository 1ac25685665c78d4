/** Stores small values for the lifetime of the tab. The shop works even if storage is blocked. */

const PREFIX = "demo.";

export function load<T>(name: string, fallback: T): T {
  try {
    const text = sessionStorage.getItem(PREFIX + name);
    return text === null ? fallback : (JSON.parse(text) as T);
  } catch {
    return fallback; // storage is blocked, or the value was not written by this code
  }
}

export function save(name: string, value: unknown): void {
  try {
    sessionStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // storage is blocked or full: the value lasts only as long as the page
  }
}

/** `prefix_` and 128 random bits. */
export function randomId(prefix: string): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `${prefix}_${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
