import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { completed, completions, type Field, type Place, placeAt } from "../expressions.ts";
import type { Problem } from "../problems.ts";
import { useFields, useValues } from "./completion.ts";

const SHOWN = 12;

interface Props {
  label: string;
  /** Which parameter of the API it is: it decides which fields there are. */
  parameter: "filter" | "journey";
  value: string;
  onCommit: (value: string) => void;
  placeholder: string;
  /** What the service says of the value. */
  problem?: Problem | undefined;
  /** Whole expressions to begin with. */
  starts?: readonly string[];
}

/** A line for an expression, which completes fields, operators and values. */
export function ExpressionBox(props: Props) {
  const { label, parameter, value, onCommit, placeholder, problem, starts = [] } = props;
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const [draft, setDraft] = useState(value);
  const [caret, setCaret] = useState<number | null>(null); // null while nothing is completed
  const [active, setActive] = useState(-1);
  useEffect(() => setDraft(value), [value]);
  const moveTo = useRef<number | null>(null); // where the caret goes once the text is there
  useLayoutEffect(() => {
    if (moveTo.current !== null) input.current?.setSelectionRange(moveTo.current, moveTo.current);
    moveTo.current = null;
  });

  const isOpen = caret !== null;
  const fields = useFields(parameter, isOpen);
  const place = placeAt(draft, caret ?? 0);
  const values = useValues(isOpen && place.kind === "value" ? place.field : "");
  const offered = isOpen ? offers(draft, place, fields, values, starts) : [];

  const look = () => {
    setCaret(input.current?.selectionStart ?? null);
    setActive(-1);
  };
  const close = () => setCaret(null);
  const take = (option: string) => {
    const next = starts.includes(option)
      ? { text: option, caret: option.length }
      : completed(draft, caret ?? 0, place, option);
    setDraft(next.text);
    setActive(-1);
    setCaret(next.caret);
    moveTo.current = next.caret;
    if (starts.includes(option)) commit(option);
  };
  const commit = (text: string) => {
    close();
    if (text.trim() !== value) onCommit(text.trim());
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const chosen = offered[active];
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (move && offered.length > 0) {
      // From the line itself, up is to the last one.
      setActive((index) => {
        const from = move < 0 ? Math.max(index, 0) : index;
        return (from + move + offered.length) % offered.length;
      });
    } else if (event.key === "Enter" && chosen !== undefined) take(chosen);
    else if (event.key === "Enter") commit(draft);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
  };

  return (
    <div class="expression">
      <label for={id}>{label}</label>
      <div class="field">
        <input
          ref={input}
          id={id}
          role="combobox"
          type="text"
          spellcheck={false}
          autocomplete="off"
          autocapitalize="off"
          value={draft}
          placeholder={placeholder}
          aria-autocomplete="list"
          aria-expanded={offered.length > 0}
          aria-controls={`${id}-options`}
          aria-invalid={problem !== undefined}
          aria-describedby={problem && `${id}-problem`}
          {...(active >= 0 && { "aria-activedescendant": `${id}-${active}` })}
          onInput={(event) => {
            setDraft(event.currentTarget.value);
            look();
          }}
          onClick={look}
          onFocus={look}
          onKeyUp={(event) => event.key.startsWith("Arrow") && offered.length === 0 && look()}
          onKeyDown={onKeyDown}
          onBlur={() => commit(draft)}
        />
        {draft && (
          <button
            type="button"
            class="quiet"
            aria-label={`Clear: ${label}`}
            onClick={() => {
              setDraft("");
              onCommit("");
            }}
          >
            ×
          </button>
        )}
      </div>
      <div id={`${id}-options`} role="listbox" aria-label={`Completions: ${label}`}>
        {offered.map((option, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: keys are handled by the input
          // biome-ignore lint/a11y/useFocusableInteractive: the focus stays in the input
          <div
            key={option}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === active}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => take(option)}
          >
            {option}
          </div>
        ))}
      </div>
      {problem && <Mistake id={`${id}-problem`} text={value} problem={problem} />}
    </div>
  );
}

function offers(
  draft: string,
  place: Place,
  fields: readonly Field[],
  values: readonly string[],
  starts: readonly string[],
): readonly string[] {
  if (starts.length > 0 && !/[=:]/.test(draft)) {
    return starts.filter((each) => each.toLowerCase().includes(draft.toLowerCase()));
  }
  const found = completions(place, fields, values).filter((each) => each !== place.typed);
  return found.slice(0, SHOWN);
}

/** What is wrong with an expression, with a mark at the character. */
function Mistake({ id, text, problem }: { id: string; text: string; problem: Problem }) {
  const at = (problem.position ?? 0) - 1;
  return (
    <div id={id} class="mistake" role="alert">
      {at >= 0 && (
        <code>
          {text.slice(0, at)}
          <mark>{text[at] ?? " "}</mark>
          {text.slice(at + 1)}
        </code>
      )}
      <p>{problem.text}</p>
    </div>
  );
}
