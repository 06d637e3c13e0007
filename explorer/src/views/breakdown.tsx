import type { Answer, Query } from "../api.ts";
import { useExplorer } from "../context.ts";
import { count, named, percent } from "../format.ts";
import { type MetricId, shortName, written } from "../metrics.ts";
import { Empty, Loaded, useAnswer } from "../request.tsx";
import { DIMENSIONS, isDimension } from "../shared/completion.ts";
import { Pick } from "../shared/pick.tsx";
import { Share } from "../shared/share.tsx";
import { useGoal, useMetric } from "./overview.tsx";

type Dimension = NonNullable<Query<":breakdown">["dimension"]>[number];
type Row = Answer<":breakdown">["rows"][number];

const ROWS = 8;
const MORE_ROWS = 100;

/** A panel with the sessions by one of some dimensions, as a table whose rows filter. */
export function Breakdown({ dimensions }: { dimensions: readonly [Dimension, ...Dimension[]] }) {
  const { selection, param, here } = useExplorer();
  const name = `by_${dimensions[0]}`; // the parameter that says which of them is shown
  const [shown = "", all] = param(name).split(" ");
  const dimension = isDimension(shown) && dimensions.includes(shown) ? shown : dimensions[0];
  const { id } = useMetric();
  const request = useAnswer(":breakdown", {
    ...selection,
    ...useGoal(),
    dimension: [dimension],
    order_by: id,
    limit: all ? MORE_ROWS : ROWS,
  });
  return (
    <section class="panel" aria-label={DIMENSIONS[dimension]}>
      <ul class="tabs">
        {dimensions.map((each) => (
          <li key={each}>
            <a href={here({ [name]: each })} aria-current={each === dimension ? "true" : undefined}>
              {DIMENSIONS[each]}
            </a>
          </li>
        ))}
      </ul>
      <Loaded request={request}>
        {(answer) =>
          answer.rows.length === 0 ? (
            <Empty what={DIMENSIONS[dimension].toLowerCase()} />
          ) : (
            <>
              <Rows dimension={dimension} answer={answer} metric={id} />
              {answer.distinct_values > answer.rows.length && !all && (
                <p class="note">
                  <a href={here({ [name]: `${dimension} all` })}>
                    Show more of {count(answer.distinct_values)}
                  </a>
                </p>
              )}
            </>
          )
        }
      </Loaded>
    </section>
  );
}

interface RowsProps {
  dimension: Dimension;
  answer: Answer<":breakdown">;
  metric: MetricId;
}

function Rows({ dimension, answer, metric }: RowsProps) {
  const { param } = useExplorer();
  const columns = columnsOf(metric, param("goal") !== "");
  const rows = answer.other ? [...answer.rows, answer.other] : answer.rows;
  return (
    <table class="breakdown">
      <caption class="unseen">{DIMENSIONS[dimension]} by sessions</caption>
      <thead>
        <tr>
          <th scope="col">{DIMENSIONS[dimension]}</th>
          <th scope="col">Sessions</th>
          {columns.map((each) => (
            <th key={each} scope="col">
              {shortName(each)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.values[0] ?? "other rows"}>
            <th scope="row">
              <Share of={row.share} />
              <Value dimension={dimension} row={row} />
            </th>
            <td title={percent(row.share)}>
              <Pick of={row.summary.sessions} row={row} label={labelOf(dimension, row)} />
            </td>
            {columns.map((each) => (
              <td key={each}>{written(row.summary, each)}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The bounce rate, and what is looked at besides. */
function columnsOf(metric: MetricId, hasGoal: boolean): MetricId[] {
  const wanted: MetricId[] = [metric, "bounce_rate", ...(hasGoal ? (["goal_rate"] as const) : [])];
  return [...new Set(wanted)].filter((each) => each !== "sessions");
}

function labelOf(dimension: Dimension, { values: [value] }: Row): string {
  const name = DIMENSIONS[dimension].toLowerCase();
  return value === undefined ? `other ${name}` : `${name}: ${named(dimension, value)}`;
}

/** What the row is of; picking it filters everything on the page. */
function Value({ dimension, row }: { dimension: Dimension; row: Row }) {
  const { only, to } = useExplorer();
  const [value] = row.values;
  if (value === undefined) return <em>all others</em>;
  const shown = named(dimension, value);
  const isPage = dimension === "page" || dimension === "entry_page" || dimension === "exit_page";
  return (
    <>
      <a href={only(row, labelOf(dimension, row))} title={`Only sessions with ${shown}`}>
        {shown}
      </a>
      {isPage && value && (
        <a
          class="aside"
          href={to("transitions", { page: value })}
          aria-label={`Before and after ${value}`}
          title="Before and after"
        >
          ⇄
        </a>
      )}
    </>
  );
}
