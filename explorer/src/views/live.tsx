import { useEffect, useState } from "preact/hooks";
import { useExplorer } from "../context.ts";
import { dayOf, plusDays } from "../dates.ts";
import { counted } from "../format.ts";
import { later } from "../later.ts";
import { Loaded, useRequest } from "../request.tsx";
import { SessionTable } from "./sessions.tsx";

const MINUTES = 30;
const POLL_MS = 5_000;
const MOST = 100;

/** The sessions that began in the last minutes, asked for again and again. */
export function Live() {
  const { api, selection, format } = useExplorer();
  const { timezone } = selection;
  const [isPaused, setPaused] = useState(false);
  const [now, setNow] = useState(() => new Date());
  const today = dayOf(now, timezone);
  const since = new Date(now.getTime() - MINUTES * 60_000).toISOString();
  const request = useRequest(`${api.websiteId} ${since}`, (signal) => {
    const days = { start_date: plusDays(today, -1), end_date: today, timezone };
    return api.get("", { ...days, filter: `started_at >= ${since}`, limit: MOST }, signal);
  });
  const { isLoading, problem } = request;
  // What may pass is asked for again by the request itself, when the service says.
  const isWaiting = isPaused || isLoading || problem?.retryMs || problem?.isOfKey;
  useEffect(() => {
    return isWaiting ? undefined : later(() => setNow(new Date()), POLL_MS);
  }, [now, isWaiting]);
  return (
    <>
      <div class="bar">
        <h1>Now</h1>
        <button type="button" class="quiet" onClick={() => setPaused(!isPaused)}>
          {isPaused ? "Go on" : "Pause"}
        </button>
      </div>
      <Loaded request={request}>
        {({ sessions, next_cursor }) => (
          <>
            <p class="live" aria-live="polite">
              <strong>{counted(sessions.length, "session")}</strong>
              {next_cursor && " and more"} began in the last {MINUTES} minutes.
            </p>
            <p class="note">
              As of {format.time(now.toISOString())} in {timezone};{" "}
              {isPaused ? "paused." : "asked for again 5 seconds after each answer."}
            </p>
            {sessions.length > 0 && <SessionTable sessions={sessions} />}
          </>
        )}
      </Loaded>
    </>
  );
}
