import type { Value } from "@bufbuild/protobuf/wkt";
import { Code, createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { batches, type EventInits } from "./batches.js";
import { SessionsError } from "./errors.js";
import { EventService } from "./gen/analytics/sessions/v1/event_service_pb.js";
import type { Session } from "./gen/analytics/sessions/v1/session_pb.js";
import * as reading from "./gen/analytics/sessions/v1/session_service_pb.js";
import { retrying } from "./retry.js";
import { type Settings, settled } from "./settings.js";

type Filter = Extract<keyof reading.ListSessionsRequest, `filter${string}`>;
type Range = "startDate" | "endDate" | "timezone" | "includeBots";
/** Which sessions to list: days, and filters with one value or alternatives. */
export type SessionQuery = Partial<Pick<reading.ListSessionsRequest, Range>> & {
  [F in Filter]?: string | readonly string[];
};
/** How to call: in milliseconds the deadline of an attempt, and how long to try again. */
export type ClientOptions = Settings & { timeoutMs?: number; retryMs?: number };
/** A signal ends a call and its retries; it then rejects with the signal's reason. */
export type CallOptions = { signal?: AbortSignal };

/** A client with one connection, which is made when needed, and anew when it is lost. */
export class Client {
  readonly #retryMs: number;
  #closed = false;
  readonly #connection: Http2SessionManager;
  readonly #sessions;
  readonly #events;

  constructor({ timeoutMs = 10_000, retryMs = 30_000, ...settings }: ClientOptions = {}) {
    if (!(Number.isInteger(timeoutMs) && timeoutMs > 0 && timeoutMs < 1e8)) {
      throw new RangeError(`timeoutMs: ${timeoutMs} is not a number of milliseconds for gRPC`);
    }
    const { origin, authorization } = settled(settings);
    this.#retryMs = retryMs;
    // One that died without being closed is given up within a deadline, while calls still wait.
    const patienceMs = Math.max(1_000, Math.min(timeoutMs, 10_000) / 3);
    const pings = { pingIntervalMs: patienceMs, pingTimeoutMs: patienceMs };
    this.#connection = new Http2SessionManager(origin, pings);
    const transport = createGrpcTransport({
      baseUrl: origin,
      sessionManager: this.#connection,
      defaultTimeoutMs: timeoutMs,
      interceptors: [
        (next) => (request) => {
          request.header.set("authorization", authorization);
          return next(request);
        },
      ],
    });
    this.#sessions = createClient(reading.SessionService, transport);
    this.#events = createClient(EventService, transport);
  }

  /** The sessions of a website, newest first, over all pages. */
  async *sessions(websiteId: string, query: SessionQuery = {}, options: CallOptions = {}) {
    const list = listed(query);
    for (let cursor: string | undefined = ""; cursor !== undefined;) {
      const request = { ...list, websiteId, cursor, limit: 100 };
      const page: reading.ListSessionsResponse = await this.#call(options, () =>
        this.#sessions.listSessions(request, options),
      );
      yield* page.sessions;
      cursor = following(page.nextCursor);
    }
  }

  /** A session by its id. */
  async session(websiteId: string, sessionId: string, options: CallOptions = {}): Promise<Session> {
    const request = { websiteId, sessionId, eventsLimit: 1 };
    const answer = await this.#call(options, () => this.#sessions.getSession(request, options));
    return answer.session as Session;
  }

  /** The events of a session, oldest first, over all pages. */
  async *events(websiteId: string, sessionId: string, options: CallOptions = {}) {
    for (let eventsCursor: string | undefined = ""; eventsCursor !== undefined;) {
      const request = { websiteId, sessionId, eventsCursor };
      const page: reading.GetSessionResponse = await this.#call(options, () =>
        this.#sessions.getSession(request, options),
      );
      yield* page.events;
      eventsCursor = following(page.nextEventsCursor);
    }
  }

  /** Records events of a website in batches; returns how many were new, and known before. */
  async record(websiteId: string, events: EventInits, options: CallOptions = {}) {
    const total = { newEvents: 0, knownEvents: 0 };
    const codes = [Code.Unavailable, Code.DeadlineExceeded]; // events have ids: none counts twice
    for await (const batch of batches(events)) {
      const request = { websiteId, events: batch };
      const send = () => this.#events.recordEvents(request, options);
      const { newEvents, knownEvents } = await this.#call(options, send, codes).catch((error) => {
        if (error instanceof SessionsError) error.recorded = total.newEvents + total.knownEvents;
        throw error;
      });
      total.newEvents += newEvents;
      total.knownEvents += knownEvents;
    }
    return total;
  }

  /** Closes the connection; calls in flight fail, and no call is tried again. */
  close(): void {
    this.#closed = true;
    this.#connection.abort();
  }

  #call<T>({ signal }: CallOptions, attempt: () => Promise<T>, codes = [Code.Unavailable]) {
    const again = (code: Code) => codes.includes(code) && !this.#closed;
    return retrying(attempt, { again, retryMs: this.#retryMs, signal });
  }
}

/** A copy of the query with a list for each filter; throws a TypeError for what is no parameter. */
function listed(query: SessionQuery): Partial<Pick<reading.ListSessionsRequest, Range | Filter>> {
  const fields = Object.entries(query).map(([name, value]) => {
    if (name in reading.ListSessionsRequestSchema.field) {
      return [name, name.startsWith("filter") ? [value ?? []].flat() : value];
    }
    throw new TypeError(`there is no parameter ${name}`);
  });
  return Object.fromEntries(fields);
}

/** The cursor of the next page, if there is one. */
function following(cursor: Value | undefined): string | undefined {
  return cursor?.kind.case === "stringValue" ? cursor.kind.value : undefined;
}
