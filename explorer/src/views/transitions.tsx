import type { ComponentChildren } from "preact";
import type { Answer } from "../api.ts";
import { useExplorer } from "../context.ts";
import { count, counted, percent } from "../format.ts";
import { Empty, Loaded, useAnswer } from "../request.tsx";
import { useValues } from "../shared/completion.ts";
import { PageBox } from "../shared/page-box.tsx";
import { Pick } from "../shared/pick.tsx";
import { Share } from "../shared/share.tsx";

type Transitions = Answer<":transitions">;
type Row = Transitions["previous"][number];

/** Where the views of a page come from, and where they go on to. */
export function TransitionsView() {
  const { selection, param, change } = useExplorer();
  const [usual = ""] = useValues("page");
  const page = param("page") || usual;
  const request = useAnswer(":transitions", page ? { ...selection, page, limit: 10 } : null);
  return (
    <>
      <div class="bar">
        <h1>Before and after a page</h1>
        <PageBox value={page} onChoose={(value) => change({ page: value })} />
      </div>
      {!page && <p class="empty">Choose a page: where do its visitors come from, and go on to?</p>}
      {page && (
        <Loaded request={request}>
          {(answer) =>
            answer.views === 0 ? (
              <Empty what="views of the page" />
            ) : (
              <Sides page={page} answer={answer} />
            )
          }
        </Loaded>
      )}
    </>
  );
}

function Sides({ page, answer }: { page: string; answer: Transitions }) {
  const { views, entries, reloads, exits } = answer;
  const itself = {
    views: reloads,
    name: "the page itself",
    label: `viewed ${page} twice in a row`,
    row: answer.reload_sessions,
  };
  return (
    <div class="sides">
      <Side
        title="Before"
        page={page}
        of={views}
        rows={answer.previous}
        edge={{
          views: entries,
          name: "session began",
          label: `began with ${page}`,
          row: answer.entry_sessions,
        }}
        itself={itself}
      />
      <section class="panel middle" aria-label="The page">
        <h2>{page}</h2>
        <p>
          <strong>{counted(views, "view")}</strong>
        </p>
        <p>
          in{" "}
          <Pick of={answer.sessions} row={answer.view_sessions} label={`viewed ${page}`}>
            {counted(answer.sessions, "session")}
          </Pick>
        </p>
        <p class="note">{percent(exits / views)} of the views were the last of their session.</p>
      </section>
      <Side
        title="After"
        page={page}
        of={views}
        rows={answer.next}
        edge={{
          views: exits,
          name: "session ended",
          label: `ended with ${page}`,
          row: answer.exit_sessions,
        }}
        itself={itself}
      />
    </div>
  );
}

interface Figure {
  views: number;
  name: string;
  /** What its sessions did. */
  label: string;
  row: Transitions["entry_sessions"];
}

interface SideProps {
  title: "Before" | "After";
  page: string;
  of: number;
  rows: readonly Row[];
  /** Entries or exits, of which each session has one at most. */
  edge: Figure;
  itself: Figure;
}

/** The page of a row; views without a path have none that could be looked at. */
function nameOf({ page }: Row): string {
  return page === undefined ? "all other pages" : page || "(no path)";
}

function Side({ title, page, of, rows, edge, itself }: SideProps) {
  const { here } = useExplorer();
  return (
    <section class="panel" aria-label={title}>
      <h2>{title}</h2>
      <table class="breakdown">
        <caption class="unseen">Views {title.toLowerCase()} the page</caption>
        <thead>
          <tr>
            <th scope="col">Page</th>
            <th scope="col">Views</th>
            <th scope="col">Sessions</th>
          </tr>
        </thead>
        <tbody>
          <SideRow views={edge.views} of={of} name={<em>{edge.name}</em>}>
            <Pick of={edge.views} row={edge.row} label={edge.label} />
          </SideRow>
          {rows.map((row) => (
            <SideRow
              key={row.page ?? "other"}
              views={row.views}
              of={of}
              name={
                row.page ? (
                  <a href={here({ page: row.page })}>{row.page}</a>
                ) : (
                  <em>{nameOf(row)}</em>
                )
              }
            >
              <Pick
                of={row.sessions ?? row.views}
                row={row}
                label={`viewed ${nameOf(row)} directly ${title.toLowerCase()} ${page}`}
              >
                {row.sessions === undefined ? "list" : count(row.sessions)}
              </Pick>
            </SideRow>
          ))}
          {itself.views > 0 && (
            <SideRow views={itself.views} of={of} name={<em>{itself.name}</em>}>
              <Pick of={itself.views} row={itself.row} label={itself.label}>
                list
              </Pick>
            </SideRow>
          )}
        </tbody>
      </table>
    </section>
  );
}

interface SideRowProps {
  views: number;
  of: number;
  name: ComponentChildren;
  children: ComponentChildren;
}

function SideRow({ views, of, name, children }: SideRowProps) {
  return (
    <tr>
      <th scope="row">
        <Share of={views / of} />
        {name}
      </th>
      <td>{count(views)}</td>
      <td>{children}</td>
    </tr>
  );
}
