import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Answer } from "../api.ts";
import { JourneyStrip } from "../charts/journey-strip.tsx";
import { useExplorer } from "../context.ts";
import { quoted } from "../expressions.ts";
import { ABSENT, counted, duration, named } from "../format.ts";
import { More, usePages } from "../pages.tsx";
import { ProblemNote } from "../request.tsx";
import { Copy } from "../shared/copy.tsx";
import { sourceOf } from "./sessions.tsx";

type Session = Answer<"">["sessions"][number];
type SessionEvent = Answer<"/{session_id}">["events"][number];

const PAGE = 100;

/** One session, event by event. */
export function SessionView() {
  const { address, api } = useExplorer();
  const { id } = address;
  const [session, setSession] = useState<Session>();
  const list = usePages<SessionEvent>(`${api.websiteId} ${id}`, async (cursor, signal) => {
    const query = { events_limit: PAGE, ...(cursor && { events_cursor: cursor }) };
    const page = await api.get("/{session_id}", query, signal, { session_id: id });
    setSession(page.session);
    return { items: page.events, next: page.next_events_cursor };
  });
  const { items: events, problem, isLoading, isEnd, more } = list;
  return (
    <>
      {session && <Facts session={session} />}
      {session && events.length > 0 && <JourneyStrip events={events} length={session.duration} />}
      {events.length > 0 && <Timeline events={events} />}
      {problem && <ProblemNote problem={problem} retry={more} />}
      {!isEnd && !problem && <More what="events" isLoading={isLoading} onWanted={more} />}
    </>
  );
}

function Facts({ session }: { session: Session }) {
  const { api, format, to, selection } = useExplorer();
  const ofVisitor = {
    filter: `visitor_id = ${quoted(session.visitor_id)}`,
    journey: null,
    not_journey: null,
    ...(session.is_bot && { include_bots: "true" }),
  };
  const curl = `curl -H "Authorization: Bearer $key" "${api.url(`/${encodeURIComponent(session.session_id)}`, {})}"`;
  const { country, region, city, device, browser, os, language } = session;
  const place = [city, region, country && named("country", country)].filter(Boolean).join(", ");
  const client = [device, browser, os].filter(Boolean).join(", ");
  return (
    <section class="facts" aria-label="The session">
      <h1>
        {format.minute(session.started_at)}
        {session.is_bot && <span class="tag">bot</span>}
        {session.is_bounce && <span class="tag">bounce</span>}
      </h1>
      <p>
        {counted(session.pageviews, "pageview")} and {counted(session.events, "custom event")} in{" "}
        {duration(session.duration)}. Times are those of {selection.timezone}.
      </p>
      <dl>
        <Fact name="Came by">
          {sourceOf(session)}
          {session.utm_medium && ` (${session.utm_medium})`}
        </Fact>
        <Fact name="Place">{place || ABSENT}</Fact>
        <Fact name="Client">{client || ABSENT}</Fact>
        <Fact name="Language">{language ? named("language", language) : ABSENT}</Fact>
        <Fact name="Host">{session.hostname ?? ABSENT}</Fact>
        <Fact name="Visitor">
          <code>{session.visitor_id}</code> <Copy text={session.visitor_id}>Copy</Copy>{" "}
          <a href={to("sessions", ofVisitor)}>all sessions in these days</a>
        </Fact>
        <Fact name="Session">
          <code>{session.session_id}</code> <Copy text={session.session_id}>Copy</Copy>{" "}
          <Copy text={curl}>Copy as curl</Copy>
        </Fact>
      </dl>
    </section>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Timeline({ events }: { events: readonly SessionEvent[] }) {
  return (
    <ol class="timeline">
      {events.map((event, index) => (
        <li key={index} id={`event-${index}`} tabindex={-1} class={event.event_type}>
          <EventEntry event={event} />
        </li>
      ))}
    </ol>
  );
}

function EventEntry({ event }: { event: SessionEvent }) {
  const { format, to } = useExplorer();
  const { page, event_name, time_on_page, event_data } = event;
  return (
    <>
      <time dateTime={event.timestamp} title={format.second(event.timestamp)}>
        {format.time(event.timestamp)}
      </time>
      <div>
        {event.event_type === "event" ? (
          <strong>{event_name}</strong>
        ) : page ? (
          <a href={to("transitions", { page })} title={event.url}>
            {page}
          </a>
        ) : (
          "(no path)"
        )}
        {time_on_page !== undefined && (
          <span class="on-page"> {duration(time_on_page)} on the page</span>
        )}
        {event.referrer && <small>from {event.referrer}</small>}
        {event_data && Object.keys(event_data).length > 0 && (
          <details>
            <summary>Data</summary>
            <pre>{JSON.stringify(event_data, null, 2)}</pre>
          </details>
        )}
      </div>
      <small class="offset">+{duration(event.offset ?? 0)}</small>
    </>
  );
}
