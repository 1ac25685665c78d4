// What programs write where they have no id. Many people share each of these: an event under one is stored, its sender is warned
// (`suspicious_user_id`), and it is merged with nobody's. One list, or the warning and the merging would drift apart. docs/API_DOCUMENTATION.md#answers.

const PLACEHOLDERS: ReadonlySet<string> = new Set([
  "null",
  "undefined",
  "nan",
  "none",
  "0",
  "-1",
  "true",
  "false",
  "anonymous",
  "guest",
  "unknown",
  "[object object]",
  "00000000-0000-0000-0000-000000000000",
]);
const LONGEST = 36;

/** In any case, white space around it aside. */
export function isPlaceholder(id: string): boolean {
  const trimmed = id.trim();
  return trimmed.length <= LONGEST && PLACEHOLDERS.has(trimmed.toLowerCase());
}
