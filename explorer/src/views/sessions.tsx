import type { Answer } from "../api.ts";
import { useExplorer } from "../context.ts";
import { counted, duration, named } from "../format.ts";
import { More, usePages } from "../pages.tsx";
import { Empty, ProblemNote } from "../request.tsx";
import { Copy } from "../shared/copy.tsx";
import { Export } from "../shared/export.tsx";

type Session = Answer<"">["sessions"][number];

const PAGE = 50;

/** The sessions of the selection, newest first, page after page as one scrolls. */
export function Sessions() {
  const { selection, api } = useExplorer();
  const key = `${api.websiteId} ${JSON.stringify(selection)}`;
  const list = usePages(key, async (cursor, signal) => {
    const query = { ...selection, limit: PAGE, ...(cursor && { cursor }) };
    const page = await api.get("", query, signal);
    return { items: page.sessions, next: page.next_cursor };
  });
  const { items: sessions, problem, isLoading, isEnd, more } = list;
  const curl = `curl -H "Authorization: Bearer $key" "${api.url("", selection)}"`;
  return (
    <>
      <div class="bar">
        <h1>Sessions</h1>
        <Copy text={curl}>Copy as curl</Copy>
        <Export />
      </div>
      {sessions.length > 0 && <SessionTable sessions={sessions} />}
      {problem && <ProblemNote problem={problem} retry={more} />}
      {isEnd && sessions.length === 0 && <Empty />}
      {isEnd && sessions.length > 0 && (
        <p class="note">{counted(sessions.length, "session")}, all that there are.</p>
      )}
      {!isEnd && !problem && <More what="sessions" isLoading={isLoading} onWanted={more} />}
    </>
  );
}

export function SessionTable({ sessions }: { sessions: readonly Session[] }) {
  return (
    <table class="sessions">
      <caption class="unseen">Sessions, newest first</caption>
      <thead>
        <tr>
          <th scope="col">Started</th>
          <th scope="col">Visitor</th>
          <th scope="col">From</th>
          <th scope="col">Came by</th>
          <th scope="col">Entry → exit</th>
          <th scope="col">Pages</th>
          <th scope="col">Events</th>
          <th scope="col">Duration</th>
        </tr>
      </thead>
      <tbody>
        {sessions.map((session) => (
          <SessionRow key={session.session_id} session={session} />
        ))}
      </tbody>
    </table>
  );
}

function SessionRow({ session }: { session: Session }) {
  const { to, format } = useExplorer();
  const { country = "", city, device, browser, entry_page = "", exit_page = "" } = session;
  return (
    <tr>
      <th scope="row">
        <a href={to("session", {}, session.session_id)}>{format.minute(session.started_at)}</a>
        {session.is_bot && <span class="tag">bot</span>}
      </th>
      <td>
        <code title={session.visitor_id}>{session.visitor_id.slice(0, 8)}</code>
      </td>
      <td>
        {[city, country && named("country", country), device, browser].filter(Boolean).join(" · ")}
      </td>
      <td>{sourceOf(session)}</td>
      <td class="path">
        {entry_page}
        {exit_page !== entry_page && ` → ${exit_page}`}
      </td>
      <td>{session.pageviews}</td>
      <td>{session.events}</td>
      <td>{duration(session.duration)}</td>
    </tr>
  );
}

/** What led to a session, in words. */
export function sourceOf({ utm_campaign, utm_source, referrer }: Session): string {
  return [utm_campaign, utm_source ?? referrer].filter(Boolean).join(" · ") || "direct";
}
