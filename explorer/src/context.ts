import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Address, Changes, DrillDown, Selection } from "./address.ts";
import { changed, drilled, formatAddress, moved, selectionOf } from "./address.ts";
import type { Api } from "./api.ts";
import { moments } from "./format.ts";

/** What every view has: whom to ask, and what for. */
export interface Explorer {
  readonly api: Api;
  readonly address: Address;
  readonly navigate: (to: string, replace?: boolean) => void;
  /** Asks for another key, saying why. */
  readonly askForKey: (why: string) => void;
}

export const ExplorerContext = createContext<Explorer | null>(null);

/** The context with what follows from the address. */
export function useExplorer() {
  const explorer = useContext(ExplorerContext);
  if (!explorer) throw new Error("outside of the explorer");
  const { address, navigate } = explorer;
  const selection: Selection = selectionOf(address);
  const here = (changes: Changes) => formatAddress(changed(address, changes));
  const to = (view: string, changes: Changes = {}, id = "") =>
    formatAddress(moved(address, view, changes, id));
  return {
    ...explorer,
    selection,
    format: moments(
      selection.timezone,
      selection.start_date.slice(0, 4) !== selection.end_date.slice(0, 4),
    ),
    /** A parameter of the view. */
    param: (name: string, otherwise = "") => address.params.get(name) ?? otherwise,
    /** The address of this view with other parameters. */
    here,
    /** The address of another view of the same sessions. */
    to,
    /** The address of the list of the sessions behind a figure. */
    listOf: (row: DrillDown, label: string) => to("sessions", drilled(address, row, label)),
    /** The address of this view with the sessions of a row only. */
    only: (row: DrillDown, label: string) => here(drilled(address, row, label)),
    /** Changes parameters of this view. */
    change: (changes: Changes) => navigate(here(changes)),
  };
}
