import type { DescMessage } from "@bufbuild/protobuf";
import {
  type ListSessionsRequest,
  ListSessionsRequestSchema,
} from "./gen/analytics/sessions/v1/session_service_pb.js";
import { refuseUnknown } from "./settings.js";

type Lists = "journey" | "notJourney" | Exclude<`filter${Capitalize<string>}`, "filter">;
type Filter = Extract<keyof ListSessionsRequest, Lists>;
type Fields = Pick<ListSessionsRequest, "timezone" | "includeBots" | "filter">;
/** Which sessions to list: days, filters with one value or alternatives, and journeys. */
export type SessionQuery = Partial<Fields> & {
  /** A day, as text or as a moment, which stands for its day in `timezone`, or in UTC. */
  startDate?: string | Date;
  /** As `startDate`; the last day that counts. */
  endDate?: string | Date;
} & { [F in Filter]?: string | readonly string[] };

const SET_HERE = ["websiteId", "cursor", "limit"];

function namesOf(schema: DescMessage): string[] {
  return Object.keys(schema.field).filter((name) => !SET_HERE.includes(name));
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

/** The fields of a request for the query; throws a TypeError for what can't be meant. */
export function fieldsOf(
  query: SessionQuery,
  schema: DescMessage = ListSessionsRequestSchema,
): Record<string, unknown> {
  refuseUnknown("there is no parameter", query, namesOf(schema));
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  const read = (name: string, value: unknown) =>
    schema.field[name]?.fieldKind === "list"
      ? valuesOf(name, [value].flat())
      : fieldOf(name, value, query);
  return Object.fromEntries(given.map(([name, value]) => [name, read(name, value)]));
}

function fieldOf(name: string, value: unknown, query: SessionQuery): unknown {
  if (value instanceof Date) return dayOf(name, value, query.timezone);
  if (typeof value === (name === "includeBots" ? "boolean" : "string")) return value;
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
