import { setTimeout as sleep } from "node:timers/promises";
import type { Value } from "@bufbuild/protobuf/wkt";
import {
  type CallOptions as CallSettings,
  Code,
  ConnectError,
  createClient,
} from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { batches, type EventInits } from "./batches.js";
import { SessionsError, sessionsError } from "./errors.js";
import { EventService } from "./gen/analytics/sessions/v1/event_service_pb.js";
import type { Session } from "./gen/analytics/sessions/v1/session_pb.js";
import * as reading from "./gen/analytics/sessions/v1/session_service_pb.js";
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
type Send<T> = (settings: CallSettings) => Promise<T>;
const SET_HERE = ["websiteId", "cursor", "limit"];

/** A client with one connection, which is made when needed, and anew when it is lost. */
export class Client {
  readonly #retryMs: number;
  readonly #settings;
  #closed = false;
  readonly #connection: Http2SessionManager;
  readonly #sessions;
  readonly #events;

  constructor({ timeoutMs = 10_000, retryMs = 30_000, ...settings }: ClientOptions = {}) {
    const { origin, authorization } = settled(settings);
    this.#retryMs = retryMs;
    // One that died without being closed is given up within a deadline, while calls still wait.
    const patienceMs = Math.max(1_000, Math.min(timeoutMs, 10_000) / 3);
    const pings = { pingIntervalMs: patienceMs, pingTimeoutMs: patienceMs };
    this.#connection = new Http2SessionManager(origin, pings);
    this.#settings = { timeoutMs, headers: { authorization } };
    const transport = createGrpcTransport({ baseUrl: origin, sessionManager: this.#connection });
    this.#sessions = createClient(reading.SessionService, transport);
    this.#events = createClient(EventService, transport);
  }

  /** The sessions of a website, newest first, over all pages. */
  sessions(websiteId: string, query: SessionQuery = {}, options: CallOptions = {}) {
    const request = { ...listed(query), websiteId, limit: 100 };
    return walk(async (cursor) => {
      const send = (how: CallSettings) => this.#sessions.listSessions({ ...request, cursor }, how);
      const page = await this.#call(options, send);
      return [page.sessions, page.nextCursor];
    });
  }

  /** A session by its id. */
  async session(websiteId: string, sessionId: string, options: CallOptions = {}): Promise<Session> {
    const request = { websiteId, sessionId, eventsLimit: 1 };
    const answer = await this.#call(options, (how) => this.#sessions.getSession(request, how));
    return answer.session as Session;
  }

  /** The events of a session, oldest first, over all pages. */
  events(websiteId: string, sessionId: string, options: CallOptions = {}) {
    return walk(async (eventsCursor) => {
      const request = { websiteId, sessionId, eventsCursor };
      const page = await this.#call(options, (how) => this.#sessions.getSession(request, how));
      return [page.events, page.nextEventsCursor];
    });
  }

  /** Records events of a website in batches; returns how many were new, and known before. */
  async record(websiteId: string, events: EventInits, options: CallOptions = {}) {
    const total = { newEvents: 0, knownEvents: 0 };
    const codes = [Code.Unavailable, Code.DeadlineExceeded]; // events have ids: none counts twice
    for await (const batch of batches(events)) {
      const request = { websiteId, events: batch };
      const send = (how: CallSettings) => this.#events.recordEvents(request, how);
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

  /** Repeats `send` while it fails with one of the codes, but starts none after `retryMs`. */
  async #call<T>(options: CallOptions, send: Send<T>, codes = [Code.Unavailable]): Promise<T> {
    const end = performance.now() + this.#retryMs;
    for (let backoffMs = 100; ; backoffMs = Math.min(2 * backoffMs, 2_000)) {
      options.signal?.throwIfAborted();
      try {
        return await send({ ...this.#settings, ...options });
      } catch (cause) {
        options.signal?.throwIfAborted();
        const failed = ConnectError.from(cause);
        const late = failed.code === Code.DeadlineExceeded;
        const unanswered = late && this.#connection.state() === "connecting";
        // The next attempt connects anew, instead of waiting for TCP to ask again.
        if (unanswered && this.#settings.timeoutMs >= 2_000) this.#connection.abort();
        const error = sessionsError(failed, unanswered);
        const delayMs = (error.retryDelayMs || backoffMs) * (1 + Math.random() / 2);
        const again = codes.includes(error.code) && !this.#closed;
        if (!again || performance.now() + delayMs >= end) throw error;
        await sleep(delayMs, undefined, options).catch(() => options.signal?.throwIfAborted());
      }
    }
  }
}

/** A copy of the query with a list for each filter; throws a TypeError for what is none. */
function listed(query: SessionQuery): Partial<Pick<reading.ListSessionsRequest, Range | Filter>> {
  const fields = Object.entries(query).map(([name, value]) => {
    if (!(name in reading.ListSessionsRequestSchema.field) || SET_HERE.includes(name)) {
      throw new TypeError(`there is no parameter ${name}`);
    }
    const values = name.startsWith("filter") && value !== undefined ? [value].flat() : value;
    if (Array.isArray(values) && values.length === 0) {
      throw new TypeError(`${name} has no values, which would match all sessions; leave it out`);
    }
    return [name, values];
  });
  return Object.fromEntries(fields);
}

/** What is on the pages that `turn` reads, each at the cursor that the page before it had. */
async function* walk<T>(turn: (cursor: string) => Promise<[T[], Value | undefined]>) {
  let cursor = "";
  do {
    const [items, next] = await turn(cursor);
    yield* items;
    cursor = next?.kind.case === "stringValue" ? next.kind.value : "";
  } while (cursor);
}
