import { useState } from "preact/hooks";

/** Copies a text; says so in place for a moment. */
export function Copy({ text, children }: { text: string; children: string }) {
  const [isDone, setDone] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setDone(true);
      window.setTimeout(() => setDone(false), 2_000);
    } catch {
      // Without HTTPS there is no clipboard, but on localhost, and one may be refused.
      window.prompt("The text to copy:", text);
    }
  };
  return (
    <button type="button" class="quiet" onClick={copy} aria-live="polite">
      {isDone ? "Copied" : children}
    </button>
  );
}
