import { setTimeout as sleep } from "node:timers/promises";
import type { Value } from "@bufbuild/protobuf/wkt";
import { type CallOptions, Calls, type ClientOptions } from "./calls.js";
import { batches, type EventInits } from "./events.js";
import { Export } from "./export.js";
import {
  AnalysisService,
  type BreakdownResponse,
  type SummarizeResponse,
  type TimeSeriesResponse,
} from "./gen/analytics/sessions/v1/analysis_service_pb.js";
import type {
  CohortsResponse,
  FlowsResponse,
  FunnelResponse,
  PatternsResponse,
  TransitionsResponse,
} from "./gen/analytics/sessions/v1/behaviour_pb.js";
import { EventService } from "./gen/analytics/sessions/v1/event_service_pb.js";
import type { Session, SessionEvent } from "./gen/analytics/sessions/v1/session_pb.js";
import { SessionService } from "./gen/analytics/sessions/v1/session_service_pb.js";
import {
  type EraseVisitorResponse,
  VisitorService,
} from "./gen/analytics/sessions/v1/visitor_service_pb.js";
import {
  type BreakdownQuery,
  type CohortsQuery,
  drillDown,
  type FlowsQuery,
  type FunnelQuery,
  fieldsOf,
  PAGING,
  type PatternsQuery,
  type Row,
  type SeriesQuery,
  type SessionQuery,
  type SummaryQuery,
  type TransitionsQuery,
} from "./queries.js";
import { refuseUnknown } from "./settings.js";
import { SourceFailed, Unanswered } from "./stream.js";
import { type Page, type Paging, Walk } from "./walk.js";

/** How many events are recorded; those that were there before count too. */
export interface Recorded {
  readonly accepted: number;
}

/** A visitor, named as in its events. */
export type Visitor = { visitorId: string } | { clientIp: string; userAgent?: string };

const REOPENING_MS = 100;

/** Reads sessions and records events, on one connection. */
export class Client {
  readonly #calls: Calls;

  constructor(options: ClientOptions = {}) {
    this.#calls = new Calls(options);
  }

  /** The sessions of a website, newest first. */
  sessions(
    websiteId: string,
    query: SessionQuery = {},
    { cursor, pageSize = 100, ...options }: Paging & CallOptions = {},
  ): Walk<Session> {
    const { listSessions } = SessionService.method;
    const fields = fieldsOf(query, listSessions.input, PAGING);
    const request = { ...fields, websiteId, limit: pageSize };
    return new Walk(async (at) => {
      const page = await this.#calls.unary(listSessions, { ...request, cursor: at }, options);
      return pageOf(page.sessions, page.nextCursor);
    }, cursor);
  }

  /**
   * All sessions of a query, oldest first, as one stream; with `includeEvents` each is followed by
   * its events.
   */
  exportSessions(
    websiteId: string,
    query: SessionQuery = {},
    {
      cursor,
      includeEvents = false,
      ...options
    }: Pick<Paging, "cursor"> & { includeEvents?: boolean } & CallOptions = {},
  ): Export {
    const fields = fieldsOf(query, SessionService.method.listSessions.input, PAGING);
    const request = { ...fields, websiteId, cursor: cursor ?? "", includeEvents };
    return new Export(this.#calls, request, options);
  }

  /** A session by its id. */
  async session(websiteId: string, sessionId: string, options: CallOptions = {}): Promise<Session> {
    const request = { websiteId, sessionId, eventsLimit: 1 };
    const { getSession } = SessionService.method;
    return (await this.#calls.unary(getSession, request, options)).session as Session;
  }

  /** The events of a session, oldest first. */
  events(
    websiteId: string,
    sessionId: string,
    { cursor, pageSize = 0, ...options }: Paging & CallOptions = {},
  ): Walk<SessionEvent> {
    const request = { websiteId, sessionId, eventsLimit: pageSize };
    const { getSession } = SessionService.method;
    return new Walk(async (at) => {
      const page = await this.#calls.unary(getSession, { ...request, eventsCursor: at }, options);
      const { previousViewTime } = page;
      return { ...pageOf(page.events, page.nextEventsCursor), previousViewTime };
    }, cursor);
  }

  /** The metrics of the sessions of a query, compared with those of other days on request. */
  summarize(
    websiteId: string,
    query: SummaryQuery = {},
    options: CallOptions = {},
  ): Promise<SummarizeResponse> {
    const { summarize } = AnalysisService.method;
    const request = { ...fieldsOf(query, summarize.input), websiteId };
    return this.#calls.unary(summarize, request, options);
  }

  /** The metrics of the sessions of a query for each hour, day, week or month. */
  timeSeries(
    websiteId: string,
    query: SeriesQuery = {},
    options: CallOptions = {},
  ): Promise<TimeSeriesResponse> {
    const { timeSeries } = AnalysisService.method;
    const request = { ...fieldsOf(query, timeSeries.input), websiteId };
    return this.#calls.unary(timeSeries, request, options);
  }

  /** The metrics of the sessions of a query by the values of one or two dimensions. */
  breakdown(
    websiteId: string,
    dimension: string | readonly [string, string],
    query: BreakdownQuery = {},
    options: CallOptions = {},
  ): Promise<BreakdownResponse> {
    const { breakdown } = AnalysisService.method;
    const fields = fieldsOf(query, breakdown.input, ["dimension"]);
    const request = { ...fields, websiteId, dimension: [dimension].flat() };
    return this.#calls.unary(breakdown, request, options);
  }

  /**
   * The sessions of a row of an analysis, newest first.
   *
   * The row is what has a filter or a cell: a row of a breakdown, a bucket of a time series, the
   * `reachedSessions` of a step, a node, and so on; `query` is what the analysis was asked with.
   */
  sessionsOf(
    websiteId: string,
    row: Row,
    query: SessionQuery = {},
    options: Paging & CallOptions = {},
  ): Walk<Session> {
    return this.sessions(websiteId, drillDown(query, row), options);
  }

  /** How many sessions, or visitors, reach one step after the other. */
  funnel(
    websiteId: string,
    steps: readonly string[],
    query: FunnelQuery = {},
    options: CallOptions = {},
  ): Promise<FunnelResponse> {
    const { funnel } = AnalysisService.method;
    const fields = fieldsOf(query, funnel.input, ["steps"]);
    const request = { ...fields, websiteId, steps: [...steps] };
    return this.#calls.unary(funnel, request, options);
  }

  /** What sessions did next, as a tree. */
  flows(
    websiteId: string,
    query: FlowsQuery = {},
    options: CallOptions = {},
  ): Promise<FlowsResponse> {
    const { flows } = AnalysisService.method;
    const request = { ...fieldsOf(query, flows.input), websiteId };
    return this.#calls.unary(flows, request, options);
  }

  /** From which pages the views of a page come, and to which they go on. */
  transitions(
    websiteId: string,
    page: string,
    query: TransitionsQuery = {},
    options: CallOptions = {},
  ): Promise<TransitionsResponse> {
    const { transitions } = AnalysisService.method;
    const request = { ...fieldsOf(query, transitions.input, ["page"]), websiteId, page };
    return this.#calls.unary(transitions, request, options);
  }

  /** In which periods visitors returned, by when they first came. */
  cohorts(
    websiteId: string,
    query: CohortsQuery = {},
    options: CallOptions = {},
  ): Promise<CohortsResponse> {
    const { cohorts } = AnalysisService.method;
    const request = { ...fieldsOf(query, cohorts.input), websiteId };
    return this.#calls.unary(cohorts, request, options);
  }

  /** Pages and events that many sessions have directly one after the other. */
  patterns(
    websiteId: string,
    query: PatternsQuery = {},
    options: CallOptions = {},
  ): Promise<PatternsResponse> {
    const { patterns } = AnalysisService.method;
    const request = { ...fieldsOf(query, patterns.input), websiteId };
    return this.#calls.unary(patterns, request, options);
  }

  /** Records events of a website in batches, each of which is durable before the next is sent. */
  async record(
    websiteId: string,
    events: EventInits,
    options: CallOptions = {},
  ): Promise<Recorded> {
    const { recordEvents } = EventService.method;
    let accepted = 0;
    for await (const batch of batches(events)) {
      await this.#calls.unary(recordEvents, { websiteId, events: batch }, options, accepted);
      accepted += batch.length;
    }
    return { accepted };
  }

  /**
   * Records events as `record` does, over one stream: a batch travels while one is stored.
   *
   * Yields after each batch how many events are recorded by now. A stream that ends is opened
   * again, and what was not answered is sent again.
   */
  async *stream(
    websiteId: string,
    events: EventInits,
    options: CallOptions = {},
  ): AsyncGenerator<Recorded> {
    const { streamEvents } = EventService.method;
    const [source, unanswered] = [batches(events), new Unanswered(websiteId)];
    const attempts = this.#calls.begin(streamEvents, options);
    for (;;) {
      const sent = unanswered.again();
      try {
        attempts.check();
        const answers = this.#calls.answers(streamEvents, sent, attempts);
        do {
          while (unanswered.hasRoom) {
            const next = await source.next().catch((error: unknown) => {
              throw new SourceFailed(error);
            });
            if (next.done) break;
            sent.push(unanswered.add(next.value));
            attempts.restart(unanswered.accepted);
          }
          if (unanswered.isEmpty) return;
          if ((await answers.next()).done) break;
          yield { accepted: unanswered.answered() };
          attempts.restart(unanswered.accepted);
        } while (true);
        await sleep(REOPENING_MS);
      } catch (failure) {
        if (failure instanceof SourceFailed) throw failure.error;
        await attempts.pause(failure);
      } finally {
        sent.end();
      }
    }
  }

  /** Removes a visitor's sessions and events for good; erasing again is safe. */
  eraseVisitor(
    websiteId: string,
    visitor: Visitor,
    options: CallOptions = {},
  ): Promise<EraseVisitorResponse> {
    refuseUnknown("a visitor has no", visitor, ["visitorId", "clientIp", "userAgent"]);
    const { eraseVisitor } = VisitorService.method;
    return this.#calls.unary(eraseVisitor, { websiteId, ...visitor }, options);
  }

  /** Closes the connection; calls in flight and later ones fail with `Code.Canceled`. */
  close(): void {
    this.#calls.close();
  }
}

function pageOf<T>(items: T[], next: Value | undefined): Page<T> {
  const cursor = next?.kind.case === "stringValue" ? next.kind.value : "";
  return { items, nextCursor: cursor || null };
}
