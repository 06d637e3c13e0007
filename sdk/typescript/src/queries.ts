import { type DescMessage, ScalarType } from "@bufbuild/protobuf";
import {
  type ListSessionsRequest,
  ListSessionsRequestSchema,
} from "./gen/analytics/sessions/v1/session_service_pb.js";
import { refuseUnknown } from "./settings.js";

type Filter = Exclude<Extract<keyof ListSessionsRequest, `filter${string}`>, "filter">;
type Fields = Pick<ListSessionsRequest, "timezone" | "includeBots" | "filter" | "cell">;
/** Which sessions to list: days, filters with one value or alternatives, and journeys. */
export type SessionQuery = Partial<Fields> & {
  /** A day, as text or as a moment, which stands for its day in `timezone`, or in UTC. */
  startDate?: string | Date;
  /** As `startDate`; the last day that counts. */
  endDate?: string | Date;
} & { [F in Filter | "journey" | "notJourney"]?: string | readonly string[] };

/** What a walk sets in its requests. */
export const PAGING = ["cursor", "limit"];

const LISTED = namesOf(ListSessionsRequestSchema, PAGING);

function namesOf(schema: DescMessage, setHere: readonly string[]): string[] {
  const others = ["websiteId", ...setHere];
  return Object.keys(schema.field).filter((name) => !others.includes(name));
}

/** What a summary is of, and with which days it is compared. */
export type SummaryQuery = SessionQuery & {
  /** A step, such as `event = "signup"`, of which the summary says how many sessions did it. */
  goal?: string;
  compare?: "previous_period" | "previous_year" | "custom";
  /** Days as in SessionQuery; with `custom`. */
  compareStartDate?: string | Date;
  compareEndDate?: string | Date;
};

/** What a time series is of, and how long its buckets are. */
export type SeriesQuery = SessionQuery & {
  /** As in SummaryQuery. */
  goal?: string;
  granularity?: "hour" | "day" | "week" | "month";
};

/** What a breakdown is of, and in which order its rows come. */
export type BreakdownQuery = SessionQuery & {
  /** As in SummaryQuery. */
  goal?: string;
  /** A field of the summary as the API names it, such as `bounce_rate`; default: `sessions`. */
  orderBy?: string;
  pageTimes?: boolean;
  /** Rows at most; default: 10, at most 1,000. */
  limit?: number;
};

/** What leads to the sessions of a row or a figure; one of them is there. */
export interface Row {
  readonly filter?: string | undefined;
  readonly journey?: readonly string[];
  readonly notJourney?: readonly string[];
  readonly cell?: string | undefined;
}

/** The query of the sessions of a row, of the query that the row is of. */
export function drillDown(query: SessionQuery, row: Row): SessionQuery {
  const { filter, journey, notJourney, cell } = row;
  const sent = Object.entries({ filter, journey, notJourney, cell }).filter(([, to]) => to?.length);
  if (sent.length === 0) {
    throw new TypeError("this row carries no filter and no cell, so its sessions cannot be listed");
  }
  const kept = Object.entries(query).filter(([name]) => LISTED.includes(name));
  return Object.fromEntries([...kept, ...sent]);
}

/** Who goes through a funnel, and how. */
export type FunnelQuery = SessionQuery & {
  unit?: "session" | "visitor";
  order?: "ordered" | "strict";
  /** Seconds from the first step to the last one. */
  window?: number;
  dimension?: string;
  limit?: number;
};

type ItemQuery = SessionQuery & {
  items?: "pages" | "events" | "both";
  collapseRepeats?: boolean;
};

/** How sessions are followed. */
export type FlowsQuery = ItemQuery & {
  depth?: number;
  width?: number;
  anchor?: string;
  direction?: "next" | "previous";
};

/** Of which sessions transitions are, and how many pages are listed. */
export type TransitionsQuery = SessionQuery & { limit?: number };

/** Of which sessions cohorts are, and their periods. */
export type CohortsQuery = SessionQuery & { granularity?: "day" | "week" | "month" };

/** Which patterns are looked for. */
export type PatternsQuery = ItemQuery & {
  goal?: string;
  length?: number;
  minSessions?: number;
  limit?: number;
};

/**
 * The fields of a request for the query; throws a TypeError for what can't be meant, and for the
 * fields in `setHere`, which the call sets itself.
 */
export function fieldsOf(
  query: SessionQuery,
  schema: DescMessage,
  setHere: readonly string[] = [],
): Record<string, unknown> {
  refuseUnknown("there is no parameter", query, namesOf(schema, setHere));
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  const read = (name: string, value: unknown) =>
    schema.field[name]?.fieldKind === "list"
      ? valuesOf(name, [value].flat())
      : fieldOf(name, value, schema, query);
  return Object.fromEntries(given.map(([name, value]) => [name, read(name, value)]));
}

const TYPES = new Map<ScalarType | undefined, string>([
  [ScalarType.BOOL, "boolean"],
  [ScalarType.INT32, "number"],
]);

function fieldOf(name: string, value: unknown, schema: DescMessage, query: SessionQuery): unknown {
  if (value instanceof Date) return dayOf(name, value, query.timezone);
  const type = TYPES.get(schema.field[name]?.scalar) ?? "string";
  if (typeof value === type) return value;
  throw new TypeError(`${name}: ${value} is no value for it; leave it out where there is none`);
}

function valuesOf(name: string, values: unknown[]): string[] {
  if (values.length === 0) {
    throw new TypeError(`${name} has no values, which would match all sessions; leave it out`);
  }
  for (const value of values) {
    if (typeof value === "string") continue;
    throw new TypeError(`${name}: ${value} is no text; "" stands for sessions that have none`);
  }
  return values as string[];
}

function dayOf(name: string, moment: Date, timezone: string | undefined): string {
  if (Number.isNaN(moment.getTime())) throw new TypeError(`${name}: is an invalid Date`);
  const timeZone = timezone || "UTC";
  return new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short" }).format(moment);
}
