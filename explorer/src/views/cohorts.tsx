import type { Answer, Query } from "../api.ts";
import { useExplorer } from "../context.ts";
import { count, counted, percent } from "../format.ts";
import { Empty, Loaded, useAnswer } from "../request.tsx";
import { Choice } from "../shared/choice.tsx";
import { Scrolled } from "../shared/table.tsx";

type Cohorts = Answer<":cohorts">;
type Granularity = NonNullable<Query<":cohorts">["granularity"]>;
type Cohort = Cohorts["cohorts"][number];
type Period = Cohort["periods"][number];

/** In which periods visitors returned, by when they first came. */
export function CohortsView() {
  const { selection, param, change } = useExplorer();
  const granularity = param("granularity", "week");
  const request = useAnswer(":cohorts", { ...selection, granularity: granularity as Granularity });
  return (
    <>
      <div class="bar">
        <h1>Returning visitors</h1>
        <Choice
          label="By"
          value={granularity}
          options={{ day: "day", week: "week", month: "month" }}
          onChoose={(value) => change({ granularity: value })}
        />
      </div>
      <section class="panel" aria-label="Returning visitors">
        <Loaded request={request}>
          {(answer) =>
            answer.cohorts.some(({ visitors }) => visitors) ? (
              <HeatMap answer={answer} />
            ) : (
              <Empty what="new visitors" />
            )
          }
        </Loaded>
        <p class="note">
          Each row has the visitors whose first session started in its {granularity}, and how many
          of them came again in those after it.
        </p>
      </section>
    </>
  );
}

function HeatMap({ answer: { cohorts, granularity } }: { answer: Cohorts }) {
  const { format } = useExplorer();
  const most = Math.max(...cohorts.map(({ periods }) => periods.length));
  // The first period has all visitors: it would make all others pale.
  const highest = Math.max(
    ...cohorts.flatMap(({ periods }) => periods.slice(1).map(({ rate }) => rate ?? 0)),
  );
  return (
    <Scrolled label="Cohorts">
      <table class="cohorts">
        <caption class="unseen">Returning visitors by {granularity}</caption>
        <thead>
          <tr>
            <th scope="col">First came</th>
            <th scope="col">Visitors</th>
            {Array.from({ length: most }, (_, period) => (
              <th key={String(period)} scope="col">
                {period === 0 ? `same ${granularity}` : `+${period}`}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {cohorts.map((cohort) => (
            <tr key={cohort.start}>
              <th scope="row">
                {format[granularity](cohort.start)}
                {cohort.is_cut && <small> (cut)</small>}
              </th>
              <td>{count(cohort.visitors)}</td>
              {cohort.periods.map((period, index) => (
                <Heat
                  key={period.start}
                  period={period}
                  label={`came first ${format[granularity](cohort.start)}, again ${format[granularity](period.start)}`}
                  strength={index === 0 ? 0 : (period.rate ?? 0) / (highest || 1)}
                />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scrolled>
  );
}

function Heat({ period, label, strength }: { period: Period; label: string; strength: number }) {
  const { listOf } = useExplorer();
  const { rate, returned, cell, is_partial } = period;
  const style = { "--strength": `${Math.round(strength * 45)}%` };
  return (
    <td class={is_partial ? "heat partial" : "heat"} style={style}>
      {returned ? (
        <a
          href={listOf({ cell }, label)}
          title={`${counted(returned, "visitor")}${is_partial ? ", not over yet" : ""}`}
        >
          {percent(rate)}
          <span class="unseen">, {counted(returned, "visitor")}</span>
        </a>
      ) : (
        percent(rate)
      )}
    </td>
  );
}
