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
    // Wide tables scroll by themselves, also from the keyboard.
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled region has to be reached by keys
    <section class={`scrolled ${className}`} aria-label={caption} tabIndex={0}>
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
    </section>
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
