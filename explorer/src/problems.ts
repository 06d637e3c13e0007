/** What went wrong, in a sentence that says what to do. */

import type { components } from "analytics-sessions/openapi";

type ApiError = components["schemas"]["Error"];

export interface Problem {
  readonly text: string;
  /** The reason of the API's catalogue; empty where no answer came. */
  readonly reason: string;
  /** The parameter that is wrong. */
  readonly field?: string;
  /** The character of an expression that is wrong, from 1. */
  readonly position?: number;
  /** After how many milliseconds it is worth another try. */
  readonly retryMs?: number;
  /** Whether another key is needed. */
  readonly isOfKey: boolean;
  readonly requestId?: string;
}

const CREATE_KEY = "sessions keys create --name explorer --scope sessions:read";

// By reason, where the API's own message does not say what to do here.
const SENTENCES: Readonly<Record<string, string>> = {
  ERROR_REASON_CREDENTIALS_MISSING: "Enter a key: without one nothing can be read.",
  ERROR_REASON_CREDENTIALS_INVALID: "This key is not known to the service. Enter another one.",
  ERROR_REASON_KEY_EXPIRED: "This key has expired. Enter another one, or open a new link.",
  ERROR_REASON_KEY_REVOKED: "This key was revoked. Enter another one.",
  ERROR_REASON_SCOPE_MISSING: `This key may not read sessions. Make one that may: ${CREATE_KEY}`,
  ERROR_REASON_WEBSITE_FORBIDDEN: "This key is bound to another website. Enter the right pair.",
  ERROR_REASON_WEBSITE_NOT_FOUND:
    "There is no website with this id. “sessions websites list” shows all of them.",
  ERROR_REASON_SESSION_NOT_FOUND:
    "The website has no such session: it may have been erased, or be past its retention.",
  ERROR_REASON_DEADLINE_EXCEEDED:
    "Counting took too long. Choose fewer days, or wait: after much new data it is slow until that is summarized.",
  ERROR_REASON_ANALYSIS_QUEUE_FULL: "Too many analyses are waiting for their turn.",
  ERROR_REASON_DATABASE_UNAVAILABLE: "The service can't reach its database at the moment.",
  ERROR_REASON_SERVICE_UNAVAILABLE: "The service has too much to do at the moment.",
};

const OF_KEY = [401, 403];
const RETRY_MS = 5_000;
// Statuses after which the same request can succeed.
const TRANSIENT = [429, 503];

/** The problem that an error answer tells. */
export function problemOf(status: number, headers: Headers, body: unknown): Problem {
  const error = isApiError(body)
    ? body
    : { message: `The service answered ${status}.`, details: [] };
  const details = error.details.flatMap((each) => ("reason" in each ? [each] : []));
  const { reason = "", metadata = {} } = details[0] ?? {};
  const requestId = headers.get("x-request-id");
  return {
    text: SENTENCES[reason] ?? error.message,
    reason,
    isOfKey: OF_KEY.includes(status) || reason === "ERROR_REASON_WEBSITE_NOT_FOUND",
    ...(metadata.field !== undefined && { field: metadata.field }),
    ...(metadata.position !== undefined && { position: Number(metadata.position) }),
    ...(TRANSIENT.includes(status) && { retryMs: retryMsOf(headers) }),
    ...(requestId !== null && { requestId }),
  };
}

function isApiError(body: unknown): body is ApiError {
  return typeof body === "object" && body !== null && "message" in body && "details" in body;
}

function retryMsOf(headers: Headers): number {
  const seconds = Number(headers.get("retry-after"));
  return seconds > 0 ? seconds * 1_000 : RETRY_MS;
}

/** The problem when no answer came. */
export function unreachable(): Problem {
  const text = "The service can't be reached. Check that it runs, and your connection.";
  return { text, reason: "", isOfKey: false, retryMs: RETRY_MS };
}
