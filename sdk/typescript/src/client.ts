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

/** Which sessions to list: days and filters. */
export type SessionQuery = Partial<
  Omit<reading.ListSessionsRequest, `$${string}` | "websiteId" | "cursor" | "limit">
>;
/** How to call: in milliseconds the deadline of an attempt, and how long to try again. */
export type ClientOptions = Settings & { timeoutMs?: number; retryMs?: number };
/** A signal ends a call and its retries; it then rejects with the signal's reason. */
export type CallOptions = { signal?: AbortSignal };

/** A client with one connection, which is made when needed, and anew when it is lost. */
export class Client {
  readonly #retryMs: number;
  readonly #connection: Http2SessionManager;
  readonly #sessions;
  readonly #events;

  constructor({ timeoutMs = 10_000, retryMs = 30_000, ...settings }: ClientOptions = {}) {
    const { origin, authorization } = settled(settings);
    this.#retryMs = retryMs;
    // A connection that was idle is tested first: it can be dead without having been closed.
    const tests = { pingIntervalMs: 10_000, pingTimeoutMs: 3_000 };
    this.#connection = new Http2SessionManager(origin, tests);
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
    for (let cursor: string | undefined = ""; cursor !== undefined;) {
      const request = { ...query, websiteId, cursor, limit: 100 };
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
    const again = [Code.Unavailable, Code.DeadlineExceeded]; // events have ids: none counts twice
    for await (const batch of batches(events)) {
      const request = { websiteId, events: batch };
      const send = () => this.#events.recordEvents(request, options);
      const { newEvents, knownEvents } = await this.#call(options, send, again).catch((error) => {
        if (error instanceof SessionsError) error.recorded = total.newEvents + total.knownEvents;
        throw error;
      });
      total.newEvents += newEvents;
      total.knownEvents += knownEvents;
    }
    return total;
  }

  /** Closes the connection, and calls in flight with it. */
  close(): void {
    this.#connection.abort();
  }

  #call<T>({ signal }: CallOptions, attempt: () => Promise<T>, again = [Code.Unavailable]) {
    return retrying(attempt, { again, retryMs: this.#retryMs, signal });
  }
}

/** The cursor of the next page, if there is one. */
function following(cursor: Value | undefined): string | undefined {
  return cursor?.kind.case === "stringValue" ? cursor.kind.value : undefined;
}
