// Text of a client's that is neither an event's nor an id: headers, pointers, paths, words of a fault. What is masked in events
// is masked here, whatever the project chose for events.

import { redactText } from "./text.ts";

export function masked(text: string): string {
  return redactText(text)?.text ?? text;
}
