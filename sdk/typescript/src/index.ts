export { timestampDate } from "@bufbuild/protobuf/wkt";
export { Code, type Interceptor } from "@connectrpc/connect";
export type { CallOptions, ClientOptions } from "./calls.js";
export * from "./client.js";
export * from "./errors.js";
export type { EventInit, EventInits } from "./events.js";
export type { Export } from "./export.js";
export type {
  BreakdownResponse,
  BreakdownRow,
  Comparison,
  SummarizeResponse,
  TimeBucket,
  TimeSeriesResponse,
} from "./gen/analytics/sessions/v1/analysis_service_pb.js";
export type {
  CohortsResponse,
  DrillDown,
  FlowsResponse,
  FunnelResponse,
  PatternsResponse,
  TransitionsResponse,
} from "./gen/analytics/sessions/v1/behaviour_pb.js";
export type { Session, SessionEvent, StoredEvent } from "./gen/analytics/sessions/v1/session_pb.js";
export type { Summary } from "./gen/analytics/sessions/v1/summary_pb.js";
export type { ExportItem } from "./gen/analytics/sessions/v1/session_service_pb.js";
export type { EraseVisitorResponse } from "./gen/analytics/sessions/v1/visitor_service_pb.js";
export type { components as RestComponents, paths as RestPaths } from "./gen/openapi.js";
export type {
  BreakdownQuery,
  CohortsQuery,
  FlowsQuery,
  FunnelQuery,
  PatternsQuery,
  Row,
  SeriesQuery,
  SessionQuery,
  SummaryQuery,
  TransitionsQuery,
} from "./queries.js";
export { restClient } from "./rest.js";
export type { Page, Paging, Walk } from "./walk.js";
