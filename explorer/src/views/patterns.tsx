import type { Answer, Query } from "../api.ts";
import { useExplorer } from "../context.ts";
import { counted, percent, ratio } from "../format.ts";
import { Empty, Loaded, useAnswer } from "../request.tsx";
import { Choice } from "../shared/choice.tsx";
import { useSteps } from "../shared/completion.ts";
import { ExpressionBox } from "../shared/expression-box.tsx";
import { Items, itemName } from "../shared/items.tsx";
import { Pick } from "../shared/pick.tsx";
import { Table } from "../shared/table.tsx";

type Patterns = Answer<":patterns">;
type Pattern = Patterns["patterns"][number];

const ROWS = 50;

/** Pages and events that many sessions have directly one after the other. */
export function PatternsView() {
  const { selection, param, change } = useExplorer();
  const goal = param("goal");
  const [length, least] = [param("length", "3"), param("min_sessions", "10")];
  const items = param("items", "pages");
  const request = useAnswer(":patterns", {
    ...selection,
    length: Number(length),
    min_sessions: Number(least),
    items: items as NonNullable<Query<":patterns">["items"]>,
    limit: ROWS,
    ...(goal && { goal }),
  });
  const { problem } = request;
  return (
    <>
      <h1>Patterns</h1>
      <section class="panel" aria-label="Patterns">
        <div class="bar">
          <Choice
            label="Of"
            value={items}
            options={{ pages: "pages", events: "custom events", both: "both" }}
            onChoose={(value) => change({ items: value })}
          />
          <Choice
            label="Up to"
            value={length}
            options={{ "2": "2 long", "3": "3 long", "4": "4 long", "5": "5 long" }}
            onChoose={(value) => change({ length: value })}
          />
          <Choice
            label="In at least"
            value={least}
            options={{ "2": "2 sessions", "10": "10 sessions", "100": "100 sessions" }}
            onChoose={(value) => change({ min_sessions: value })}
          />
          <ExpressionBox
            label="Goal"
            parameter="journey"
            value={goal}
            starts={useSteps()}
            placeholder='event = "purchase"'
            problem={problem?.field === "goal" ? problem : undefined}
            onCommit={(text) => change({ goal: text || null })}
          />
        </div>
        <Loaded request={request}>
          {(answer) =>
            answer.patterns.length === 0 ? (
              <Empty what="patterns" />
            ) : (
              <>
                <PatternTable patterns={answer.patterns} goal={goal} />
                <Note answer={answer} />
              </>
            )
          }
        </Loaded>
      </section>
    </>
  );
}

function Note({ answer: { sessions, is_exact } }: { answer: Patterns }) {
  return (
    <p class="note">
      Share of {counted(sessions, "session")}. A lift above 1 means that they come together more
      often than by chance.{" "}
      {!is_exact && "There were too many different runs to find all; these are exact."}
    </p>
  );
}

function PatternTable({ patterns, goal }: { patterns: readonly Pattern[]; goal: string }) {
  return (
    <Table
      caption="Patterns"
      className="whole"
      head={["Pattern", "Sessions", "Share", "Lift", ...(goal ? ["With goal", "Without"] : [])]}
      rows={patterns.map((pattern) => {
        const { cell, with_goal, without_goal } = pattern;
        const name = pattern.items.map(itemName).join(" → ");
        return [
          <Items key="items" items={pattern.items} />,
          <Pick key="sessions" of={pattern.sessions} row={{ cell }} label={name} />,
          percent(pattern.share),
          ratio(pattern.lift),
          ...(with_goal && without_goal
            ? [
                <GoalFigure
                  key="with"
                  name={`${name}, with ${goal}`}
                  cell={`${cell}.with_goal`}
                  of={with_goal}
                />,
                <GoalFigure
                  key="without"
                  name={`${name}, without ${goal}`}
                  cell={`${cell}.without_goal`}
                  of={without_goal}
                />,
              ]
            : []),
        ];
      })}
    />
  );
}

interface GoalFigureProps {
  name: string;
  cell: string;
  of: NonNullable<Pattern["with_goal"]>;
}

function GoalFigure({ name, cell, of }: GoalFigureProps) {
  return (
    <>
      <Pick of={of.sessions} row={{ cell }} label={name} /> ({percent(of.share)})
    </>
  );
}
