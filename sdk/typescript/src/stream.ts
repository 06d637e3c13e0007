import { create } from "@bufbuild/protobuf";
import type { Event } from "./gen/analytics/sessions/v1/event_pb.js";
import {
  type StreamEventsRequest,
  StreamEventsRequestSchema,
} from "./gen/analytics/sessions/v1/event_service_pb.js";

const UNDER_WAY = 2; // one is stored while the next one is read and sent

/** The events themselves could not be read: no failure of the stream, whatever its type. */
export class SourceFailed extends Error {
  constructor(readonly error: unknown) {
    super("the events could not be read");
  }
}

/** The batches of a stream that are under way; a stream that follows begins with them. */
export class Unanswered {
  accepted = 0;
  #batches: StreamEventsRequest[] = [];
  #number = 0n;

  constructor(private readonly websiteId: string) {}

  get isEmpty(): boolean {
    return this.#batches.length === 0;
  }

  /** Whether another batch may be sent before an answer comes. */
  get hasRoom(): boolean {
    return this.#batches.length < UNDER_WAY;
  }

  /** The request for a batch, which is kept until it is answered. */
  add(events: Event[]): StreamEventsRequest {
    const [websiteId, batch] = [this.websiteId, this.#number++];
    const request = create(StreamEventsRequestSchema, { batch, websiteId, events });
    this.#batches.push(request);
    return request;
  }

  /** What is sent on a new stream, beginning with what was not answered. */
  again(): Queue<StreamEventsRequest> {
    return new Queue(this.#batches);
  }

  /** Counts the oldest as recorded; returns how many events are by now. */
  answered(): number {
    this.accepted += this.#batches.shift()?.events.length ?? 0;
    return this.accepted;
  }
}

/** What is pushed, until it is ended. */
class Queue<T> implements AsyncIterable<T> {
  readonly #items: T[];
  #isEnded = false;
  #wake = () => {};

  constructor(items: T[]) {
    this.#items = [...items];
  }

  push(item: T): void {
    this.#items.push(item);
    this.#wake();
  }

  end(): void {
    this.#isEnded = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      for (let item; (item = this.#items.shift());) yield item;
      if (this.#isEnded) return;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
