// Masks text from a client that is neither a part of an event nor an id: headers, pointers, paths, messages of faults. Every
// class that can be masked in events is masked here, whatever the project chose for events.

import { redactText } from "./text.ts";

export function masked(text: string): string {
  return redactText(text)?.text ?? text;
}
