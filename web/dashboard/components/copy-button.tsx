/** Copies a text and shows a short confirmation. */
import { useEffect, useState } from "preact/hooks";
import { CheckIcon, CopyIcon } from "./icons.tsx";

const CONFIRMATION_MS = 1_600;

export function CopyButton({ text, what }: { text: string; what: string }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), CONFIRMATION_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
    } catch {
      // no permission, or an insecure origin: the person can still select the text beside the button
    }
  };
  return (
    <button type="button" class="button button-small" aria-label={`Copy ${what}`} onClick={() => void copy()}>
      {copied ? <CheckIcon /> : <CopyIcon />}
      <span aria-live="polite">{copied ? "Copied" : "Copy"}</span>
    </button>
  );
}
