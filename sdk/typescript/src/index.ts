export { timestampDate } from "@bufbuild/protobuf/wkt";
export { Code } from "@connectrpc/connect";
export type { EventInit } from "./batches.js";
export * from "./client.js";
export * from "./errors.js";
export type { Session, SessionEvent } from "./gen/analytics/sessions/v1/session_pb.js";
export type { components as RestComponents, paths as RestPaths } from "./gen/openapi.js";
export { restClient } from "./rest.js";
