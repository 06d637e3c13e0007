import { useState } from "preact/hooks";

/** Copies a text; says so in place for a moment. */
export function Copy({ text, children }: { text: string; children: string }) {
  const [isDone, setDone] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setDone(true);
    window.setTimeout(() => setDone(false), 2_000);
  };
  return (
    <button type="button" class="quiet" onClick={copy} aria-live="polite">
      {isDone ? "Copied" : children}
    </button>
  );
}
