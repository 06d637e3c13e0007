import type { Query } from "../api.ts";
import { Series } from "../charts/series.tsx";
import { useExplorer } from "../context.ts";
import { day } from "../format.ts";
import { changeOf, METRICS, type MetricId, metricOf, type Summary, written } from "../metrics.ts";
import { Empty, Loaded, useAnswer } from "../request.tsx";
import { Choice } from "../shared/choice.tsx";
import { useSteps } from "../shared/completion.ts";
import { ExpressionBox } from "../shared/expression-box.tsx";
import { Pick } from "../shared/pick.tsx";
import { Charted, Table } from "../shared/table.tsx";
import { Breakdown } from "./breakdown.tsx";

/** Breakdowns that share a panel. */
const PANELS = [
  ["page", "entry_page", "exit_page"],
  ["referrer", "utm_campaign", "utm_source", "utm_medium"],
  ["event"],
  ["country", "region", "city", "language"],
  ["device", "browser", "os", "hostname"],
] as const;

export function Overview() {
  return (
    <>
      <h1 class="unseen">Overview</h1>
      <Tiles />
      <Trend />
      <div class="panels">
        {PANELS.map((dimensions) => (
          <Breakdown key={dimensions[0]} dimensions={dimensions} />
        ))}
      </div>
    </>
  );
}

/** The goal of the address, as the parameter of a call. */
export function useGoal(): { goal?: string } {
  const goal = useExplorer().param("goal");
  return goal ? { goal } : {};
}

/** The metric of the address; without a goal there is no goal rate, which would be refused. */
export function useMetric(): ReturnType<typeof metricOf> {
  const { param } = useExplorer();
  const id = param("metric");
  return metricOf(id === "goal_rate" && !param("goal") ? "sessions" : id);
}

type Compare = NonNullable<Query<":summarize">["compare"]>;

function Tiles() {
  const { selection, param, change } = useExplorer();
  const compare = param("compare", "previous_period");
  const goal = useGoal();
  const request = useAnswer(":summarize", {
    ...selection,
    ...goal,
    ...(compare !== "none" && { compare: compare as Compare }),
  });
  const { problem } = request;
  return (
    <section aria-label="Summary">
      <div class="bar">
        <Choice
          label="Compared with"
          value={compare}
          options={{
            previous_period: "the days before",
            previous_year: "a year before",
            none: "nothing",
          }}
          onChoose={(value) => change({ compare: value })}
        />
        <ExpressionBox
          label="Goal"
          parameter="journey"
          value={goal.goal ?? ""}
          starts={useSteps()}
          placeholder='event = "purchase"'
          problem={problem?.field === "goal" ? problem : undefined}
          onCommit={(text) => change({ goal: text || null })}
        />
      </div>
      <Loaded request={request}>
        {({ summary, comparison }) => (
          <>
            <ul class="tiles">
              {(Object.keys(METRICS) as MetricId[])
                .filter((id) => id !== "goal_rate" || goal.goal)
                .map((id) => (
                  <Tile key={id} id={id} summary={summary} before={comparison?.summary} />
                ))}
            </ul>
            {comparison && (
              <p class="note">
                Compared with {day(comparison.start_date)} to {day(comparison.end_date)}
                {comparison.adjusted && ", 29 February as the 28th"}. Pick a figure to see it over
                time.
              </p>
            )}
          </>
        )}
      </Loaded>
    </section>
  );
}

interface TileProps {
  id: MetricId;
  summary: Summary;
  before: Summary | undefined;
}

function Tile({ id, summary, before }: TileProps) {
  const { here } = useExplorer();
  const chosen = useMetric();
  const by = before && changeOf(summary, before, id);
  const tone = by?.isBetter === undefined ? "" : by.isBetter ? "better" : "worse";
  return (
    <li>
      <a
        class="tile"
        href={here({ metric: id })}
        aria-current={chosen.id === id ? "true" : undefined}
      >
        <span>{METRICS[id].name}</span>
        <strong>{written(summary, id)}</strong>
        <small class={tone}>{by?.text}</small>
      </a>
    </li>
  );
}

function Trend() {
  const { selection, param, change, format, listOf } = useExplorer();
  const granularity = param("granularity");
  const { id, metric } = useMetric();
  const request = useAnswer(":timeseries", {
    ...selection,
    ...useGoal(),
    ...(granularity && { granularity: granularity as "hour" | "day" | "week" | "month" }),
  });
  return (
    <section class="panel" aria-label={`${metric.name} over time`}>
      <div class="bar">
        <h2>{metric.name} over time</h2>
        <Choice
          label="By"
          value={granularity}
          options={{ "": "automatic", hour: "hour", day: "day", week: "week", month: "month" }}
          onChoose={(value) => change({ granularity: value || null })}
        />
      </div>
      <Loaded request={request}>
        {({ buckets, granularity }) => {
          const labelled = buckets.map((bucket) => ({
            ...bucket,
            label: format[granularity](bucket.start),
          }));
          if (!buckets.some(({ summary }) => summary.sessions)) return <Empty />;
          return (
            <Charted
              table={
                <Table
                  caption={`${metric.name} by ${granularity}`}
                  head={["Start", ...(id === "sessions" ? [] : [metric.name]), "Sessions"]}
                  rows={labelled.map(({ label, summary, ...bucket }) => [
                    label + (bucket.is_partial ? " (not over)" : ""),
                    ...(id === "sessions" ? [] : [written(summary, id)]),
                    <Pick key={label} of={summary.sessions} row={bucket} label={label} />,
                  ])}
                />
              }
            >
              <Series
                name={metric.name}
                write={metric.write}
                writeShort={metric.writeShort ?? metric.write}
                points={labelled.map((bucket) => ({
                  label: bucket.label,
                  value: bucket.summary[id],
                  isPartial: bucket.is_partial || bucket.is_cut,
                  href: listOf(bucket, bucket.label),
                }))}
              />
            </Charted>
          );
        }}
      </Loaded>
    </section>
  );
}
