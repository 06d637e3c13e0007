import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { CallOptions, Calls } from "./calls.js";
import {
  type ExportItem,
  type ExportSessionsRequestSchema,
  type ExportSessionsResponse,
  SessionService,
} from "./gen/analytics/sessions/v1/session_service_pb.js";
import type { Page } from "./walk.js";

type Request = MessageInitShape<typeof ExportSessionsRequestSchema>;

/**
 * A stream of sessions and events: iterate over it for them, or over its `pages()`.
 *
 * A stream that breaks off is opened again where it was. Each iteration begins at the cursor that
 * the export was made with, and is complete when it ends without an error.
 */
export class Export implements AsyncIterable<ExportItem> {
  constructor(
    private readonly calls: Calls,
    private readonly request: Request,
    private readonly options: CallOptions,
  ) {}

  /** Some items at a time, each time with the cursor that goes on after them. */
  async *pages(): AsyncGenerator<Page<ExportItem>> {
    const { exportSessions } = SessionService.method;
    const attempts = this.calls.begin(exportSessions, this.options);
    const progress = new Progress(this.request);
    for (;;) {
      try {
        attempts.check();
        const sent = one(progress.request);
        for await (const answer of this.calls.answers(exportSessions, sent, attempts)) {
          yield progress.pageOf(answer);
          if (answer.isLast) return;
          attempts.restart(0);
        }
        throw new ConnectError("the stream ended before its last message", Code.Unavailable);
      } catch (failure) {
        await attempts.pause(failure);
      }
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ExportItem> {
    for await (const { items } of this.pages()) yield* items;
  }
}

async function* one<T>(item: T): AsyncGenerator<T> {
  yield item;
}

/** How far an export has come, over one stream after another. */
class Progress {
  #sessions: number | undefined;

  constructor(public request: Request) {
    // Of one that begins at a cursor, the first answer tells how many sessions were before.
    this.#sessions = request.cursor ? undefined : 0;
  }

  /** The page in an answer; throws DataLoss where answers before it are missing. */
  pageOf({ items, cursor, sessions }: ExportSessionsResponse): Page<ExportItem> {
    const before = sessions - items.filter((item) => item.kind.case === "session").length;
    if (this.#sessions !== undefined && this.#sessions !== before) {
      const text = `the export lacks sessions: there are ${this.#sessions}, not ${before}`;
      throw new ConnectError(text, Code.DataLoss);
    }
    this.#sessions = sessions;
    this.request = { ...this.request, cursor };
    return { items, nextCursor: cursor || null };
  }
}
