import { useId } from "preact/hooks";
import { useValues } from "./completion.ts";

/** A line for the path of a page, which offers those of these days. */
export function PageBox({ value, onChoose }: { value: string; onChoose: (page: string) => void }) {
  const id = useId();
  const pages = useValues("page");
  return (
    <label class="choice">
      Page
      <input
        list={id}
        value={value}
        spellcheck={false}
        onChange={(event) => onChoose(event.currentTarget.value.trim())}
      />
      <datalist id={id}>
        {pages.map((page) => (
          <option key={page}>{page}</option>
        ))}
      </datalist>
    </label>
  );
}
