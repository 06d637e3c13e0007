import type { ComponentChildren } from "preact";
import type { DrillDown } from "../address.ts";
import { useExplorer } from "../context.ts";
import { count } from "../format.ts";

/** A number that leads to the sessions that it counts; without any it is only shown. */
export function Pick({
  of,
  row,
  label,
  children,
}: {
  of: number;
  row: DrillDown | undefined;
  label: string;
  children?: ComponentChildren;
}) {
  const { listOf } = useExplorer();
  const shown = children ?? count(of);
  if (of === 0 || !row) return <>{shown}</>;
  return (
    <a class="pick" href={listOf(row, label)} title={`List the sessions: ${label}`}>
      {shown}
    </a>
  );
}
