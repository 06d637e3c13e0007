import { useEffect, useRef, useState } from "preact/hooks";
import { useExplorer } from "../context.ts";
import { dayOf, ownTimeZone, ranges } from "../dates.ts";
import { both } from "../expressions.ts";
import { counted } from "../format.ts";
import { useAnswer } from "../request.tsx";
import { ExpressionBox } from "./expression-box.tsx";

const WITHOUT_BOUNCES = "is_bounce = false";

/** Which sessions everything on the page is about. */
export function Controls() {
  const { selection, change, address } = useExplorer();
  const { data, problem, isLoading } = useAnswer(":summarize", selection);
  const filter = selection.filter ?? "";
  return (
    <form class="controls" aria-label="Which sessions" onSubmit={(event) => event.preventDefault()}>
      <DateRange />
      <TimeZone />
      <ExpressionBox
        label="Filter"
        parameter="filter"
        value={filter}
        placeholder='country = "DE" AND duration > 60s'
        problem={problem?.field === "filter" ? problem : undefined}
        onCommit={(text) => change({ filter: text || null })}
      />
      <div class="chips">
        {!filter.includes("is_bounce") && (
          <button
            type="button"
            class="quiet"
            onClick={() => change({ filter: both(filter, WITHOUT_BOUNCES) })}
          >
            Leave out bounces
          </button>
        )}
        <label class="check">
          <input
            type="checkbox"
            checked={selection.include_bots ?? false}
            onChange={(event) =>
              change({ include_bots: event.currentTarget.checked ? "true" : null })
            }
          />
          With bots
        </label>
        <Chip name="journey" words="did" />
        <Chip name="not_journey" words="did not" />
        {selection.cell && (
          <Removable
            text={`only: ${address.params.get("cell_label") ?? "sessions of a row"}`}
            onRemove={() => change({ cell: null, cell_label: null })}
          />
        )}
        {problem?.field && /^(not_)?journey/.test(problem.field) && (
          <p class="mistake" role="alert">
            {problem.text}
          </p>
        )}
        {data && (
          <output class="size" aria-busy={isLoading}>
            <SelectionSize {...data.summary} />
          </output>
        )}
      </div>
    </form>
  );
}

/** How many sessions are meant, which leads to them. */
function SelectionSize({ sessions, visitors }: { sessions: number; visitors: number }) {
  const { to, address } = useExplorer();
  const text = counted(sessions, "session");
  return (
    <>
      {address.view === "sessions" ? text : <a href={to("sessions")}>{text}</a>}{" "}
      <small>of {counted(visitors, "visitor")}</small>
    </>
  );
}

function Chip({ name, words }: { name: "journey" | "not_journey"; words: string }) {
  const { selection, change } = useExplorer();
  const steps = selection[name];
  if (!steps) return null;
  const onRemove = () => change({ [name]: null });
  return <Removable text={`${words} ${steps.join(" → ")}`} onRemove={onRemove} />;
}

function Removable({ text, onRemove }: { text: string; onRemove: () => void }) {
  return (
    <span class="chip">
      {text}
      <button type="button" class="quiet" aria-label={`Remove: ${text}`} onClick={onRemove}>
        ×
      </button>
    </span>
  );
}

function DateRange() {
  const { selection, change } = useExplorer();
  const { start_date, end_date, timezone } = selection;
  const known = ranges(dayOf(new Date(), timezone));
  const current = [...known].find(
    ([, range]) => range.start_date === start_date && range.end_date === end_date,
  );
  return (
    <fieldset class="dates">
      <legend class="unseen">Days</legend>
      <label>
        Days
        <select
          value={current?.[0] ?? ""}
          onChange={(event) => change({ ...known.get(event.currentTarget.value) })}
        >
          {!current && <option value="">Chosen days</option>}
          {[...known.keys()].map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <Day label="From" name="start_date" value={start_date} />
      <Day label="To" name="end_date" value={end_date} />
    </fieldset>
  );
}

interface DayProps {
  label: string;
  name: "start_date" | "end_date";
  value: string;
}

/** A day, which is taken when it is picked, but only when one is done where it is typed. */
function Day({ label, name, value }: DayProps) {
  const { selection, change } = useExplorer();
  const [draft, setDraft] = useState(value);
  const isTyped = useRef(false);
  useEffect(() => setDraft(value), [value]);
  const choose = (day: string) => {
    isTyped.current = false;
    setDraft(day || value);
    if (!day || day === value) return;
    const other = name === "start_date" ? "end_date" : "start_date";
    const isCrossed = name === "start_date" ? day > selection.end_date : day < selection.start_date;
    change({ [name]: day, ...(isCrossed && { [other]: day }) });
  };
  return (
    <label>
      {label}
      <input
        type="date"
        required
        max="9999-12-31"
        value={draft}
        onKeyDown={({ key }) => {
          isTyped.current = key !== "Enter";
          if (key === "Enter") choose(draft);
        }}
        onInput={(event) => {
          setDraft(event.currentTarget.value);
          if (!isTyped.current) choose(event.currentTarget.value);
        }}
        onBlur={() => choose(draft)}
      />
    </label>
  );
}

function TimeZone() {
  const { selection, change } = useExplorer();
  const own = ownTimeZone();
  const first = [...new Set([selection.timezone, own, "UTC"])];
  const others = Intl.supportedValuesOf("timeZone").filter((zone) => !first.includes(zone));
  return (
    <label>
      Time zone
      <select
        value={selection.timezone}
        onChange={(event) => change({ timezone: event.currentTarget.value })}
      >
        {[...first, ...others].map((zone) => (
          <option key={zone}>{zone}</option>
        ))}
      </select>
    </label>
  );
}
