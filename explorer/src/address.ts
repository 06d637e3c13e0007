/**
 * The state of the page, as its address has it: `#/view/id?parameters`.
 *
 * Parameters have the names that the API gives them. They are in the fragment, which browsers send
 * to no server.
 */

/** What is shown, and of which sessions. */
export interface Address {
  readonly view: string;
  /** What the view is of, such as the id of a session; mostly empty. */
  readonly id: string;
  readonly params: URLSearchParams;
}

/** Changes of parameters: a value, several, or null for none. */
export type Changes = Readonly<Record<string, string | readonly string[] | null>>;

/** Which sessions are meant: parameters that every call takes. */
export interface Selection {
  start_date: string;
  end_date: string;
  timezone: string;
  include_bots?: true;
  filter?: string;
  journey?: string[];
  not_journey?: string[];
  cell?: string;
}

const OF_THE_SELECTION = [
  "website_id",
  "start_date",
  "end_date",
  "timezone",
  "include_bots",
  "filter",
  "journey",
  "not_journey",
  "cell",
  "cell_label", // what the sessions of the cell are, in words
];

/** Reads the part of an address behind `#`. */
export function parseAddress(fragment: string): Address {
  const [path = "", query = ""] = fragment.replace(/^#\/?/, "").split(/\?(.*)/s);
  const [view = "", id = ""] = path.split("/").map(decoded);
  return { view: view || "overview", id, params: new URLSearchParams(query) };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // typed by hand
  }
}

/** Writes an address; the inverse of `parseAddress`. */
export function formatAddress({ view, id, params }: Address): string {
  const path = id ? `${view}/${encodeURIComponent(id)}` : view;
  const query = params.toString();
  return query ? `#/${path}?${query}` : `#/${path}`;
}

/** The address with some parameters changed. A cell fits one selection only, so it goes with it. */
export function changed(address: Address, changes: Changes): Address {
  const params = new URLSearchParams(address.params);
  const isOther = Object.keys(changes).some((name) => OF_THE_SELECTION.includes(name));
  const dropped = isOther && !("cell" in changes) ? { cell: null, cell_label: null } : {};
  for (const [name, value] of Object.entries({ ...dropped, ...changes })) {
    params.delete(name);
    for (const each of [value ?? []].flat()) params.append(name, each);
  }
  return { ...address, params };
}

/** The address with those parameters that it lacks. */
export function withUsual(address: Address, usual: Readonly<Record<string, string>>): Address {
  const missing = Object.entries(usual).filter(([name]) => !address.params.has(name));
  const params = new URLSearchParams([...missing, ...address.params]);
  return { ...address, params };
}

/** The address of another view of the same sessions. */
export function moved(address: Address, view: string, changes: Changes = {}, id = ""): Address {
  const kept = [...address.params].filter(([name]) => OF_THE_SELECTION.includes(name));
  return changed({ view, id, params: new URLSearchParams(kept) }, changes);
}

/** The selection that an address means. */
export function selectionOf({ params }: Address): Selection {
  const [filter, cell] = [params.get("filter"), params.get("cell")];
  const [journey, notJourney] = [params.getAll("journey"), params.getAll("not_journey")];
  return {
    start_date: params.get("start_date") ?? "",
    end_date: params.get("end_date") ?? "",
    timezone: params.get("timezone") ?? "",
    ...(params.get("include_bots") === "true" && { include_bots: true }),
    ...(filter && { filter }),
    ...(journey.length && { journey }),
    ...(notJourney.length && { not_journey: notJourney }),
    ...(cell && { cell }),
  };
}

/** What leads from a figure to its sessions: parameters that take the place of the selection's. */
export interface DrillDown {
  readonly filter?: string | undefined;
  readonly journey?: readonly string[];
  readonly not_journey?: readonly string[];
  readonly cell?: string | undefined;
}

/** The changes that choose the sessions of a figure; `label` says what a cell is of. */
export function drilled({ params }: Address, row: DrillDown, label: string): Changes {
  const { filter, journey, not_journey, cell } = row;
  const outer = params.get("cell_label"); // a cell of the sessions of another one has both in it
  return {
    ...(filter !== undefined && { filter }),
    ...(journey?.length && { journey }),
    ...(not_journey?.length && { not_journey }),
    ...(cell !== undefined && { cell, cell_label: outer ? `${outer}; ${label}` : label }),
  };
}
