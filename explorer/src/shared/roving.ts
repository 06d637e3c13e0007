import { useState } from "preact/hooks";

const STEPS: Readonly<Record<string, number>> = {
  ArrowRight: 1,
  ArrowDown: 1,
  ArrowLeft: -1,
  ArrowUp: -1,
  Home: Number.NEGATIVE_INFINITY,
  End: Number.POSITIVE_INFINITY,
};

/** Makes the links of a chart, so many, one stop of the tab key, between which arrow keys move. */
export function useRoving(length: number) {
  const [current, setCurrent] = useState(0);
  const onKeyDown = (event: KeyboardEvent) => {
    const step = STEPS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const links = [...(event.currentTarget as Element).querySelectorAll<SVGAElement>("a")];
    const index = links.indexOf(document.activeElement as SVGAElement) + step;
    links[Math.max(0, Math.min(links.length - 1, index))]?.focus();
  };
  const stop = (index: number) => ({
    tabindex: index === Math.min(current, length - 1) ? 0 : -1,
    onFocus: () => setCurrent(index),
  });
  return { onKeyDown, stop };
}
