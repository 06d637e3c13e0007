import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Answer, Call, Query } from "./api.ts";
import { Failed } from "./api.ts";
import { useExplorer } from "./context.ts";
import { counted } from "./format.ts";
import { later } from "./later.ts";
import type { Problem } from "./problems.ts";

/** The state of a request. While it is asked again, `data` is the answer before. */
export interface Request<T> {
  readonly data: T | undefined;
  readonly problem: Problem | undefined;
  readonly isLoading: boolean;
  readonly retry: () => void;
}

/** Asks when `key` changes, and again after a failure that may pass; null asks nothing. */
export function useRequest<T>(
  key: string | null,
  ask: (signal: AbortSignal) => Promise<T>,
): Request<T> {
  const [state, setState] = useState<{ data?: T; problem?: Problem; key?: string | null }>({});
  const [attempt, setAttempt] = useState(0);
  const retry = () => setAttempt((count) => count + 1);
  useEffect(() => {
    if (key === null) return setState({});
    const controller = new AbortController();
    ask(controller.signal).then(
      (data) => controller.signal.aborted || setState({ data, key }),
      (error: unknown) => {
        if (controller.signal.aborted) return;
        if (!(error instanceof Failed)) throw error;
        const { problem } = error;
        // The answer to another question would be taken for that to this one.
        setState((state) => ({ ...(state.key === key && state), problem, key }));
      },
    );
    return () => controller.abort();
  }, [key, attempt]);
  const { data, problem } = state;
  const isLoading = key !== null && state.key !== key;
  useRetry(isLoading ? undefined : problem, retry);
  return { data, problem, isLoading, retry };
}

/** Tries again after a failure that may pass: after a while, and when there is a connection. */
export function useRetry(problem: Problem | undefined, retry: () => void): void {
  useEffect(() => {
    if (!problem?.retryMs) return undefined;
    const stop = later(retry, problem.retryMs);
    window.addEventListener("online", retry);
    return () => {
      stop();
      window.removeEventListener("online", retry);
    };
  }, [problem]);
}

/** The answer of a call, asked for again when the parameters change; null asks nothing. */
export function useAnswer<C extends Call>(call: C, query: Query<C> | null): Request<Answer<C>> {
  const { api } = useExplorer();
  const key = query && `${api.websiteId} ${call} ${JSON.stringify(query)}`;
  return useRequest(key, (signal) => api.get(call, query ?? {}, signal));
}

/** Shows an answer, and meanwhile that it is on its way, or what went wrong. */
export function Loaded<T>({
  request,
  children,
}: {
  request: Request<T>;
  children: (data: T) => ComponentChildren;
}) {
  const { data, problem, isLoading, retry } = request;
  return (
    <div class="loaded" aria-busy={isLoading}>
      {problem && !isLoading && <ProblemNote problem={problem} retry={retry} />}
      {data === undefined
        ? (isLoading || !problem) && <p class="waiting">Loading …</p>
        : children(data)}
    </div>
  );
}

/** A problem, with what can be done about it here. */
export function ProblemNote({ problem, retry }: { problem: Problem; retry: () => void }) {
  const { askForKey } = useExplorer();
  if (problem.position !== undefined) {
    return <p class="note">Nothing is shown while an expression above can't be read.</p>;
  }
  return (
    <div class="problem" role="alert">
      <p>{problem.text}</p>
      <p class="actions">
        {problem.isOfKey ? (
          <button type="button" onClick={() => askForKey(problem.text)}>
            Enter another key
          </button>
        ) : (
          <button type="button" onClick={retry}>
            Try again
          </button>
        )}
        {problem.retryMs !== undefined && (
          <small>
            It is tried again after {counted(Math.round(problem.retryMs / 1000), "second")}.
          </small>
        )}
        {problem.requestId && !problem.isOfKey && (
          <small>
            Request id in the log: <code>{problem.requestId}</code>
          </small>
        )}
      </p>
    </div>
  );
}

/** What stands where a range has no sessions. */
export function Empty({ what = "sessions" }: { what?: string }) {
  const { selection, here, to } = useExplorer();
  const { filter, journey, not_journey, cell } = selection;
  const isFiltered = filter || journey || not_journey || cell;
  const all = { filter: null, journey: null, not_journey: null, cell: null, cell_label: null };
  return (
    <div class="empty">
      <p>There are no {what} here in these days.</p>
      <p>
        {isFiltered && (
          <>
            <a href={here(all)}>Remove the filter</a>, or choose other days.
          </>
        )}
        {!isFiltered && (
          <>
            Choose other days, or look at <a href={to("live")}>what is recorded now</a>.
          </>
        )}
      </p>
    </div>
  );
}
