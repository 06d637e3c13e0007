import { useEffect, useRef, useState } from "preact/hooks";
import { Failed } from "./api.ts";
import type { Problem } from "./problems.ts";
import { useRetry } from "./request.tsx";

/** A page of a list, and where the next one begins; null on the last. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

interface State<T> {
  readonly items: readonly T[];
  /** Where the next page begins; undefined is the beginning. */
  readonly next: string | null | undefined;
  readonly problem?: Problem;
  readonly isLoading?: boolean;
}

/** The pages of a list that were read so far, and a way to read on; begins anew with another key. */
export function usePages<T>(
  key: string,
  read: (cursor: string | undefined, signal: AbortSignal) => Promise<Page<T>>,
) {
  const [state, setState] = useState<State<T>>({ items: [], next: undefined });
  const controller = useRef(new AbortController());

  const go = async ({ items, next }: State<T>) => {
    const { signal } = controller.current;
    setState({ items, next, isLoading: true });
    try {
      const page = await read(next ?? undefined, signal);
      if (!signal.aborted) setState({ items: [...items, ...page.items], next: page.next });
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Failed)) throw error;
      setState({ items, next, problem: error.problem });
    }
  };
  useEffect(() => {
    controller.current = new AbortController();
    go({ items: [], next: undefined });
    return () => controller.current.abort();
  }, [key]);

  const isLoading = state.isLoading ?? false;
  const isEnd = state.next === null;
  const more = () => {
    if (!isLoading && !isEnd) go(state);
  };
  useRetry(state.problem, more);
  return { ...state, isLoading, isEnd, more };
}

/** A button for the next page, which presses itself when it comes into view. */
export function More({
  what,
  isLoading,
  onWanted,
}: {
  what: string;
  isLoading: boolean;
  onWanted: () => void;
}) {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!button.current || isLoading) return undefined;
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && onWanted(), {
      rootMargin: "600px",
    });
    observer.observe(button.current);
    return () => observer.disconnect();
  });
  return (
    <p class="more">
      <button ref={button} type="button" disabled={isLoading} onClick={onWanted}>
        {isLoading ? "Loading …" : `More ${what}`}
      </button>
    </p>
  );
}
