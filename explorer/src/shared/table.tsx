import type { ComponentChildren } from "preact";

type Cell = ComponentChildren;

/** A table of figures; its first column names the rows. */
export function Table({
  caption,
  head,
  rows,
  className = "",
}: {
  caption: string;
  head: readonly string[];
  rows: readonly (readonly Cell[])[];
  className?: string;
}) {
  return (
    <Scrolled label={caption} className={className}>
      <table>
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            {head.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(([first, ...others], index) => (
            <tr key={index}>
              <th scope="row">{first}</th>
              {others.map((cell, column) => (
                <td key={head[column + 1]}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scrolled>
  );
}

/** What is wider or higher than its place scrolls by itself, also from the keyboard. */
export function Scrolled({
  label,
  className = "",
  children,
}: {
  label: string;
  className?: string;
  children: ComponentChildren;
}) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: no fieldset, and no landmark of its own
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keys
    <div role="group" class={`scrolled ${className}`} aria-label={label} tabIndex={0}>
      {children}
    </div>
  );
}

/** A chart and, beside it, the table of what it shows. */
export function Charted({ table, children }: { table: ComponentChildren; children: Cell }) {
  return (
    <div class="charted">
      {children}
      <details>
        <summary>Show as a table</summary>
        {table}
      </details>
    </div>
  );
}
