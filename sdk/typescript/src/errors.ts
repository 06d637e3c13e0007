import { durationMs } from "@bufbuild/protobuf/wkt";
import { Code, type ConnectError } from "@connectrpc/connect";
import * as details from "./gen/google/rpc/error_details_pb.js";

/** A call that failed for good; the base of all errors of the service. */
export class SessionsError extends Error {
  /** Name of an `ErrorReason`; empty where the server gave none. */
  readonly reason: string;
  /** The fields that are wrong, and why. */
  readonly fields: readonly { field: string; description: string }[];
  /** `x-request-id` of the answer; empty where nothing answered. */
  readonly requestId: string;
  /** How many milliseconds the server says to wait, if it does. */
  readonly retryDelayMs: number | undefined;
  /** How many events `record` had recorded, in the batches before the one that failed. */
  recorded = 0;

  constructor(
    readonly code: Code,
    cause: ConnectError,
  ) {
    super(cause.rawMessage, { cause });
    this.name = new.target.name;
    this.reason = cause.findDetails(details.ErrorInfoSchema)[0]?.reason ?? "";
    const violations = cause.findDetails(details.BadRequestSchema)[0]?.fieldViolations ?? [];
    this.fields = violations.map(({ field, description }) => ({ field, description }));
    this.requestId = cause.metadata.get("x-request-id")?.split(",")[0] ?? ""; // may come twice
    const delay = cause.findDetails(details.RetryInfoSchema)[0]?.retryDelay;
    this.retryDelayMs = delay && durationMs(delay);
  }
}

export class InvalidArgument extends SessionsError {}
export class Unauthenticated extends SessionsError {}
export class PermissionDenied extends SessionsError {}
export class NotFound extends SessionsError {}
export class Unavailable extends SessionsError {}
export class DeadlineExceeded extends SessionsError {}

const NAMED = { InvalidArgument, Unauthenticated, PermissionDenied, NotFound };
const CLASSES: Record<string, typeof SessionsError> = { ...NAMED, Unavailable, DeadlineExceeded };

/** The error of the class that is named after its code; without a connection it is Unavailable. */
export function sessionsError(error: ConnectError, unanswered: boolean): SessionsError {
  const code = unanswered || isLostConnection(error) ? Code.Unavailable : error.code;
  return new (CLASSES[Code[code]] ?? SessionsError)(code, error);
}

/** Whether the connection broke: Connect has several codes for that; an answer has headers. */
function isLostConnection({ cause, code, metadata }: ConnectError): boolean {
  const broken = (cause instanceof Error && "code" in cause) || code === Code.Canceled;
  return broken && [...metadata.keys()].length === 0;
}
