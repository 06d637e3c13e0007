import { setTimeout as sleep } from "node:timers/promises";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { type Code, ConnectError } from "@connectrpc/connect";
import { sessionsError } from "./errors.js";
import { RetryInfoSchema } from "./gen/google/rpc/error_details_pb.js";

/** How often a call is made. */
export interface Retries {
  /** Whether what failed with this code is tried again. */
  again: (code: Code) => boolean;
  /** Milliseconds after the first attempt in which others may start. */
  retryMs: number;
  signal?: AbortSignal | undefined;
}

/** Repeats `attempt` while it fails with such a code, starting none after `retryMs`. */
export async function retrying<T>(attempt: () => Promise<T>, retries: Retries): Promise<T> {
  const { again, retryMs, signal } = retries;
  const started = performance.now();
  for (let backoffMs = 100; ; backoffMs = Math.min(2 * backoffMs, 2_000)) {
    signal?.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      signal?.throwIfAborted();
      const connectError = ConnectError.from(error);
      const failure = sessionsError(connectError);
      const named = connectError.findDetails(RetryInfoSchema)[0]?.retryDelay;
      const delayMs = (named ? durationMs(named) : backoffMs) * (1 + Math.random() / 2);
      const late = performance.now() - started + delayMs >= retryMs;
      if (late || !again(failure.code)) throw failure;
      await sleep(delayMs, undefined, { signal }).catch(() => signal?.throwIfAborted());
    }
  }
}
