/** Small things that last as long as the tab. Blocked storage is no reason not to sell a mug. */

const PREFIX = "demo.";

export function load<T>(name: string, fallback: T): T {
  try {
    const text = sessionStorage.getItem(PREFIX + name);
    return text === null ? fallback : (JSON.parse(text) as T);
  } catch {
    return fallback; // blocked, or not ours
  }
}

export function save(name: string, value: unknown): void {
  try {
    sessionStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // blocked or full: it lasts as long as the page, then
  }
}

/** `prefix_` and 128 random bits. */
export function randomId(prefix: string): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `${prefix}_${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
