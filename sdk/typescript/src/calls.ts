import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type DescMessage,
  type DescMethodBiDiStreaming,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  getOption,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type Interceptor, type Transport } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { SessionsError, sessionsError } from "./errors.js";
import { EventService } from "./gen/analytics/sessions/v1/event_service_pb.js";
import { method_policy } from "./gen/analytics/sessions/v1/options_pb.js";
import { checkMs, checkVisible, refuseUnknown, type Settings, settled } from "./settings.js";

/** How to call. */
export interface ClientOptions extends Settings {
  /** Milliseconds that one attempt may take; default: 10,000, 30,000 for analyses, and 120,000 for erasing. */
  timeoutMs?: number | undefined;
  /** For how long a call is tried again, from its start; default: 30,000, 0 turns that off. */
  retryMs?: number | undefined;
  /** Of Connect; they see every attempt. */
  interceptors?: Interceptor[] | undefined;
}

/** What holds for one call. */
export interface CallOptions extends Pick<ClientOptions, "timeoutMs" | "retryMs"> {
  /** Ends the call and its retries; it then rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Names the call in the service's log; default: a random id. */
  requestId?: string | undefined;
}

type Streaming<I extends DescMessage, O extends DescMessage> =
  DescMethodBiDiStreaming<I, O> | DescMethodServerStreaming<I, O>;
type Method<I extends DescMessage, O extends DescMessage> = DescMethodUnary<I, O> | Streaming<I, O>;
const NAMES = ["address", "key", "timeoutMs", "retryMs", "interceptors"];
const CALL_NAMES = ["timeoutMs", "retryMs", "signal", "requestId"];
const USUAL = 10_000;
const POSITION = "x-sessions-position";
const AGENT = "analytics-sessions-typescript/0.1.0";
/** Not idempotent as such, but the events that this client sends have ids. */
const WITH_IDS: unknown[] = [EventService.method.recordEvents, EventService.method.streamEvents];
const CURABLE = [Code.Unavailable, Code.DeadlineExceeded];

/** Makes calls, on one connection, which is made when needed, and anew when it is lost. */
export class Calls {
  readonly #options: CallOptions;
  readonly #headers: Record<string, string>;
  readonly #connection: Http2SessionManager;
  readonly #transport: Transport;
  #closed = false;

  constructor(options: ClientOptions) {
    refuseUnknown("there is no option", options, NAMES);
    const { origin, authorization } = settled(options);
    const { timeoutMs, retryMs = 30_000, interceptors = [] } = options;
    this.#options = { timeoutMs, retryMs };
    checkOptions(this.#options);
    this.#headers = { authorization, "user-agent": AGENT };
    // One that died without being closed is given up within a deadline, while calls still wait.
    const patienceMs = Math.max(1_000, Math.min(timeoutMs ?? USUAL, USUAL) / 3);
    const pings = { pingIntervalMs: patienceMs, pingTimeoutMs: patienceMs };
    const sessionManager = new Http2SessionManager(origin, pings);
    this.#connection = sessionManager;
    this.#transport = createGrpcTransport({ baseUrl: origin, sessionManager, interceptors });
  }

  /** The attempts of a call of the method. */
  begin<I extends DescMessage, O extends DescMessage>(
    method: Method<I, O>,
    options: CallOptions,
    accepted = 0,
  ): Attempts<I, O> {
    checkOptions(options);
    const given = Object.entries(options).filter(([, value]) => value !== undefined);
    const all = { ...this.#options, ...Object.fromEntries(given) };
    return new Attempts(this, method, all, accepted);
  }

  /** Repeats a call until it is answered, or until no attempt would help. */
  async unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    options: CallOptions,
    accepted = 0,
  ): Promise<MessageShape<O>> {
    const attempts = this.begin(method, options, accepted);
    for (;;) {
      try {
        attempts.check();
        const { signal, timeoutMs, headers } = attempts;
        const answer = await this.#transport.unary(method, signal, timeoutMs, headers, request);
        this.#note(answer.header.get(POSITION));
        return answer.message;
      } catch (failure) {
        await attempts.pause(failure);
      }
    }
  }

  /** The answers of a new stream; it has no deadline. */
  async *answers<I extends DescMessage, O extends DescMessage>(
    method: Streaming<I, O>,
    requests: AsyncIterable<MessageInitShape<I>>,
    { signal, headers }: Attempts<I, O>,
  ): AsyncGenerator<MessageShape<O>> {
    yield* (await this.#transport.stream(method, signal, undefined, headers, requests)).message;
  }

  /** Has later calls read what was recorded by now; the highest position counts. */
  #note(position: string | null): void {
    if (position && position > (this.#headers[POSITION] ?? "")) this.#headers[POSITION] = position;
  }

  /** Whether calls are over. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** What every call sends. */
  get headers(): Record<string, string> {
    return this.#headers;
  }

  /** Whether a call that came too late is one that never got a connection. */
  isUnanswered(timeoutMs: number): boolean {
    if (this.#connection.state() !== "connecting") return false;
    // The next attempt connects anew, instead of waiting for TCP to ask again.
    if (timeoutMs >= 2_000) this.#connection.abort();
    return true;
  }

  /** Ends the connection, and all calls. */
  close(): void {
    this.#closed = true;
    this.#connection.abort();
  }
}

/** The attempts of one call: what each is made with, and what comes after a failure. */
export class Attempts<I extends DescMessage, O extends DescMessage> {
  readonly headers: Record<string, string>;
  readonly #requestId: string;
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number;
  readonly #isRepeatable: boolean;
  readonly #isExport: boolean;
  readonly #retryMs: number;
  #end = 0;
  #backoffMs = 0;
  #accepted = 0;

  constructor(
    private readonly calls: Calls,
    method: Method<I, O>,
    { signal, timeoutMs, retryMs = 0, requestId = randomUUID() }: CallOptions,
    accepted: number,
  ) {
    const policy = getOption(method, method_policy);
    this.timeoutMs = timeoutMs ?? Math.max(USUAL, 1_000 * policy.timeoutSeconds);
    this.#requestId = requestId;
    this.headers = { ...calls.headers, "x-request-id": requestId };
    const isIdempotent = method.idempotency !== MethodOptions_IdempotencyLevel.IDEMPOTENCY_UNKNOWN;
    this.#isRepeatable = isIdempotent || WITH_IDS.includes(method);
    this.#isExport = method.methodKind === "server_streaming";
    this.signal = signal;
    this.#retryMs = retryMs;
    this.restart(accepted);
  }

  /** Begins with a first attempt, when so many events are recorded. */
  restart(accepted: number): void {
    this.#accepted = accepted;
    this.#end = performance.now() + this.#retryMs;
    this.#backoffMs = 100;
  }

  /** Throws where there must be no attempt: the signal says so, or the client is closed. */
  check(): void {
    this.signal?.throwIfAborted();
    if (!this.calls.isClosed) return;
    const closed = new ConnectError("the client is closed", Code.Canceled);
    throw new SessionsError(Code.Canceled, closed, this.#requestId, this.#accepted);
  }

  /** Waits before the next attempt; throws the error where there is to be none. */
  async pause(failure: unknown): Promise<void> {
    if (!(failure instanceof ConnectError)) throw failure; // of the events' source
    this.check();
    const error = this.#errorOf(failure);
    const delayMs = (error.retryDelayMs || this.#backoffMs) * (1 + Math.random() / 2);
    this.#backoffMs = Math.min(2 * this.#backoffMs, 2_000);
    if (!this.#isCurable(error) || performance.now() + delayMs >= this.#end) throw error;
    const { signal } = this;
    await sleep(delayMs, undefined, signal && { signal }).catch(() => signal?.throwIfAborted());
  }

  #errorOf(error: ConnectError): SessionsError {
    const late = error.code === Code.DeadlineExceeded;
    const unanswered = late && this.calls.isUnanswered(this.timeoutMs);
    return sessionsError(error, unanswered, this.#requestId, this.#accepted);
  }

  #isCurable({ code, reason, retryDelayMs }: SessionsError): boolean {
    // A limit of calls comes back; a request that is too large stays too large.
    if (code === Code.ResourceExhausted) return retryDelayMs !== undefined;
    // What gRPC makes of a stream that is reset; the server's own Internal has a reason.
    const isReset = this.#isExport && code === Code.Internal && !reason;
    return this.#isRepeatable && (isReset || CURABLE.includes(code));
  }
}

function checkOptions(options: CallOptions): void {
  refuseUnknown("there is no option", options, CALL_NAMES);
  checkMs("timeoutMs", options.timeoutMs, 1);
  checkMs("retryMs", options.retryMs, 0);
  if (options.requestId !== undefined) checkVisible("requestId", options.requestId);
}
