import type { Answer, Query } from "../api.ts";
import { useExplorer } from "../context.ts";
import { count, duration, named, percent } from "../format.ts";
import type { Problem } from "../problems.ts";
import { Empty, Loaded, useAnswer } from "../request.tsx";
import { Choice } from "../shared/choice.tsx";
import { DIMENSIONS, isDimension, useSteps } from "../shared/completion.ts";
import { ExpressionBox } from "../shared/expression-box.tsx";
import { Pick } from "../shared/pick.tsx";
import { Charted, Table } from "../shared/table.tsx";

type Funnel = Answer<":funnel">;
type Step = Funnel["steps"][number];

const MOST_STEPS = 10;
const DAY = 86_400;
const WINDOWS = {
  "": "any time",
  "1800": "30 minutes",
  [DAY]: "a day",
  [7 * DAY]: "7 days",
  [30 * DAY]: "30 days",
};
const OF_PARTS: readonly string[] = ["page", "event"]; // of which a session has several

/** How many reach one step after the other. */
export function FunnelView() {
  const { address, selection, param } = useExplorer();
  const steps = address.params.getAll("steps");
  const window = param("window");
  const dimension = param("dimension");
  const request = useAnswer(
    ":funnel",
    steps.length < 2
      ? null
      : {
          ...selection,
          steps,
          unit: param("unit", "session") as NonNullable<Query<":funnel">["unit"]>,
          order: param("order", "ordered") as NonNullable<Query<":funnel">["order"]>,
          ...(window && { window: Number(window) }),
          ...(isDimension(dimension) && { dimension: dimension as never }),
        },
  );
  return (
    <>
      <h1>Funnel</h1>
      <section class="panel" aria-label="Steps">
        <Steps steps={steps} problem={request.problem} />
        <Options />
      </section>
      {steps.length < 2 ? (
        <p class="empty">Choose at least two steps: how many sessions get from each to the next?</p>
      ) : (
        <Loaded request={request}>{(answer) => <Result funnel={answer} />}</Loaded>
      )}
    </>
  );
}

function Steps({ steps, problem }: { steps: readonly string[]; problem: Problem | undefined }) {
  const { change } = useExplorer();
  const starts = useSteps();
  const set = (index: number, step: string) =>
    change({ steps: steps.with(index, step).filter(Boolean) });
  const add = (step: string) => change({ steps: [...steps, step].filter(Boolean) });
  return (
    <>
      <ol class="steps">
        {steps.map((step, index) => (
          <li key={`${index} of ${steps.length}`}>
            <ExpressionBox
              label={`Step ${index + 1}`}
              parameter="journey"
              value={step}
              starts={starts}
              placeholder='page = "/pricing"'
              problem={problem?.field === `steps[${index}]` ? problem : undefined}
              onCommit={(text) => set(index, text)}
            />
          </li>
        ))}
        {steps.length < MOST_STEPS && (
          <li key={`${steps.length} new`}>
            <ExpressionBox
              label={`Step ${steps.length + 1}`}
              parameter="journey"
              value=""
              starts={starts}
              placeholder='page = "/pricing"'
              onCommit={add}
            />
          </li>
        )}
      </ol>
      {steps.length < MOST_STEPS && (
        <fieldset class="chips" aria-label="Add a step">
          {starts
            .filter((each) => !steps.includes(each))
            .map((each) => (
              <button key={each} type="button" class="quiet" onClick={() => add(each)}>
                + {each.replace(/^page = |^event = /, "").replaceAll('"', "")}
              </button>
            ))}
        </fieldset>
      )}
    </>
  );
}

function Options() {
  const { param, change } = useExplorer();
  const unit = param("unit", "session");
  const window = param("window");
  return (
    <div class="bar">
      <Choice
        label="Count"
        value={unit}
        options={{ session: "sessions", visitor: "visitors" }}
        onChoose={(value) =>
          change({ unit: value, ...(value === "visitor" && !window && { window: `${7 * DAY}` }) })
        }
      />
      <Choice
        label="Between steps"
        value={param("order", "ordered")}
        options={{ ordered: "anything", strict: "nothing else" }}
        onChoose={(value) => change({ order: value })}
      />
      <Choice
        label="Within"
        value={window}
        options={unit === "visitor" ? withoutAny(WINDOWS) : WINDOWS}
        onChoose={(value) => change({ window: value || null })}
      />
      <Choice
        label="Broken down by"
        value={param("dimension")}
        options={{ "": "nothing", ...withoutParts(DIMENSIONS) }}
        onChoose={(value) => change({ dimension: value || null })}
      />
    </div>
  );
}

/** Without the choice of no window, which visitors must have. */
function withoutAny(windows: Readonly<Record<string, string>>) {
  return Object.fromEntries(Object.entries(windows).filter(([seconds]) => seconds));
}

function withoutParts(dimensions: Readonly<Record<string, string>>) {
  return Object.fromEntries(Object.entries(dimensions).filter(([id]) => !OF_PARTS.includes(id)));
}

function Result({ funnel }: { funnel: Funnel }) {
  const { steps, rows, other, is_complete } = funnel;
  const first = steps[0]?.reached ?? 0;
  if (first === 0) return <Empty what="sessions with the first step" />;
  const groups = [
    ...rows.map(({ value, steps }) => ({ value, steps })),
    ...(other.length ? [{ value: undefined, steps: other }] : []),
  ];
  return (
    <>
      {is_complete === false && (
        <p class="note">Not complete: visitors can still do the next steps in time.</p>
      )}
      <section class="panel" aria-label="Funnel">
        <Charted table={<StepTable steps={steps} />}>
          <ol class="funnel">
            {steps.map((step, index) => (
              <Bar key={`${index} ${step.step}`} step={step} first={first} />
            ))}
          </ol>
        </Charted>
      </section>
      {groups.length > 0 && <Groups groups={groups} />}
    </>
  );
}

function Bar({ step, first }: { step: Step; first: number }) {
  const { reached, dropped, dropped_sessions } = step;
  return (
    <li>
      {dropped_sessions && (
        <p class="drop">
          ↓ {percent(step.conversion_from_previous)} went on
          {dropped > 0 && (
            <>
              ,{" "}
              <Pick of={dropped} row={dropped_sessions} label={`left before ${step.step}`}>
                {count(dropped)} did not
              </Pick>
            </>
          )}
          {step.median_seconds_from_previous !== undefined && (
            <>, in a median of {duration(step.median_seconds_from_previous)}</>
          )}
        </p>
      )}
      <div class="step">
        <code>{step.step}</code>
        <span class="track">
          <span class="fill" style={{ inlineSize: `${(reached / first) * 100}%` }} />
        </span>
        <Pick of={reached} row={step.reached_sessions} label={`reached ${step.step}`} />
        <span>{percent(step.conversion_from_start)}</span>
      </div>
    </li>
  );
}

function StepTable({ steps }: { steps: readonly Step[] }) {
  return (
    <Table
      caption="Steps of the funnel"
      head={[
        "Step",
        "Reached",
        "Dropped",
        "Of start",
        "95 % interval",
        "Of previous",
        "Median",
        "P90",
      ]}
      rows={steps.map((step) => [
        step.step,
        <Pick
          key="reached"
          of={step.reached}
          row={step.reached_sessions}
          label={`reached ${step.step}`}
        />,
        <Pick
          key="dropped"
          of={step.dropped}
          row={step.dropped_sessions}
          label={`left before ${step.step}`}
        />,
        percent(step.conversion_from_start),
        `${percent(step.conversion_low)} to ${percent(step.conversion_high)}`,
        percent(step.conversion_from_previous),
        duration(step.median_seconds_from_previous),
        duration(step.p90_seconds_from_previous),
      ])}
    />
  );
}

interface Group {
  /** Undefined is all values that have no group. */
  value: string | undefined;
  steps: readonly Step[];
}

function Groups({ groups }: { groups: readonly Group[] }) {
  const dimension = useExplorer().param("dimension");
  const names = groups[0]?.steps.slice(1).map(({ step }) => step) ?? [];
  return (
    <section class="panel" aria-label="Funnels of the values">
      <Table
        caption="Funnels of the values"
        head={["Value", "First step", ...names]}
        rows={groups.map(({ value, steps }) => {
          const shown = value === undefined ? "all others" : named(dimension, value);
          return [
            shown,
            ...steps.map((step, index) => (
              <>
                <Pick
                  of={step.reached}
                  row={step.reached_sessions}
                  label={`${shown}: reached ${step.step}`}
                />
                {index > 0 && ` (${percent(step.conversion_from_start)})`}
              </>
            )),
          ];
        })}
      />
    </section>
  );
}
