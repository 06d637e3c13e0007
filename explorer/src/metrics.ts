/** The metrics of a summary that people look at, and how they are written. */

import type { Answer } from "./api.ts";
import { ABSENT, change, count, duration, percent, ratio, shortCount } from "./format.ts";

export type Summary = Answer<":summarize">["summary"];
export type MetricName = keyof Summary;

export interface Metric {
  readonly name: string;
  readonly write: (value: number) => string;
  /** How it is written where there is little room, if that differs. */
  readonly writeShort?: (value: number) => string;
  /** Rates change by percentage points. */
  readonly isRate?: boolean;
  /** Whether less of it is better. */
  readonly isLessBetter?: boolean;
  /** The name in a narrow column. */
  readonly short?: string;
}

export const METRICS = {
  sessions: { name: "Sessions", write: count, writeShort: shortCount },
  visitors: { name: "Visitors", write: count, writeShort: shortCount },
  pageviews: { name: "Pageviews", write: count, writeShort: shortCount },
  events: { name: "Custom events", write: count, writeShort: shortCount },
  bounce_rate: {
    name: "Bounce rate",
    short: "Bounces",
    write: percent,
    isRate: true,
    isLessBetter: true,
  },
  median_duration: { name: "Median duration", write: duration },
  pageviews_per_session: { name: "Pages per session", write: ratio },
  goal_rate: { name: "Goal rate", write: percent, isRate: true },
} satisfies Partial<Record<MetricName, Metric>>;

export type MetricId = keyof typeof METRICS;

/** The name of a metric in a narrow column. */
export function shortName(id: MetricId): string {
  const metric: Metric = METRICS[id];
  return metric.short ?? metric.name;
}

export function metricOf(id: string): { id: MetricId; metric: Metric } {
  const known = (Object.hasOwn(METRICS, id) ? id : "sessions") as MetricId;
  return { id: known, metric: METRICS[known] };
}

/** A metric of a summary as text; absent is never 0. */
export function written(summary: Summary, id: MetricId): string {
  const value = summary[id];
  return value === undefined ? ABSENT : METRICS[id].write(value);
}

/** How a metric changed: in percentage points, or relative; undefined where that means nothing. */
export function changeOf(now: Summary, before: Summary, id: MetricId) {
  const [value, base] = [now[id], before[id]];
  const metric: Metric = METRICS[id];
  if (value === undefined || base === undefined || (!metric.isRate && base === 0)) return undefined;
  const by = metric.isRate ? value - base : value / base - 1;
  const isBetter = by === 0 ? undefined : by > 0 !== (metric.isLessBetter ?? false);
  return { text: metric.isRate ? `${change(by).replace("%", "")} pp` : change(by), isBetter };
}
