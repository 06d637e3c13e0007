import { durationMs } from "@bufbuild/protobuf/wkt";
import { Code, type ConnectError } from "@connectrpc/connect";
import * as details from "./gen/google/rpc/error_details_pb.js";

/** A call that failed for good; the base of all errors of the service. */
export class SessionsError extends Error {
  /** Name of an `ErrorReason`; empty where the server gave none. */
  readonly reason: string;
  /** The fields that are wrong, and why. */
  readonly fields: readonly { field: string; description: string }[];
  /** How many milliseconds the server says to wait, if it does. */
  readonly retryDelayMs: number | undefined;

  constructor(
    readonly code: Code,
    cause: ConnectError,
    /** Names the call in the service's log, as the client sent it. */
    readonly requestId: string,
    /** Of `record` and `stream`: how many events, from the first one on, are recorded. */
    readonly accepted = 0,
  ) {
    super(cause.rawMessage, { cause });
    this.name = new.target.name;
    this.reason = cause.findDetails(details.ErrorInfoSchema)[0]?.reason ?? "";
    const violations = cause.findDetails(details.BadRequestSchema)[0]?.fieldViolations ?? [];
    this.fields = violations.map(({ field, description }) => ({ field, description }));
    const delay = cause.findDetails(details.RetryInfoSchema)[0]?.retryDelay;
    this.retryDelayMs = delay && durationMs(delay);
  }
}

export class InvalidArgument extends SessionsError {}
export class Unauthenticated extends SessionsError {}
export class PermissionDenied extends SessionsError {}
export class NotFound extends SessionsError {}
export class ResourceExhausted extends SessionsError {}
export class Unavailable extends SessionsError {}
export class DeadlineExceeded extends SessionsError {}

const NAMED = { InvalidArgument, Unauthenticated, PermissionDenied, NotFound, ResourceExhausted };
const CLASSES: Record<string, typeof SessionsError> = { ...NAMED, Unavailable, DeadlineExceeded };

/** The error of the class that is named after its code; without a connection it is Unavailable. */
export function sessionsError(
  error: ConnectError,
  unanswered: boolean,
  requestId: string,
  accepted: number,
): SessionsError {
  const code = unanswered || isLostConnection(error) ? Code.Unavailable : error.code;
  return new (CLASSES[Code[code]] ?? SessionsError)(code, error, requestId, accepted);
}

/** Whether the connection broke: Connect has several codes for that; an answer has headers. */
function isLostConnection({ cause, code, metadata }: ConnectError): boolean {
  const broken = (cause instanceof Error && "code" in cause) || code === Code.Canceled;
  return broken && [...metadata.keys()].length === 0;
}
