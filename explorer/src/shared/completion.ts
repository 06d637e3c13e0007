import type { Query } from "../api.ts";
import { Failed } from "../api.ts";
import { useExplorer } from "../context.ts";
import { type Field, stepOf } from "../expressions.ts";
import { unreachable } from "../problems.ts";
import { useAnswer, useRequest } from "../request.tsx";

type Dimension = NonNullable<Query<":breakdown">["dimension"]>[number];

/** What can be broken down by, in the order in which people ask for it. */
export const DIMENSIONS: Readonly<Record<Dimension, string>> = {
  page: "Pages",
  entry_page: "Entry pages",
  exit_page: "Exit pages",
  event: "Events",
  referrer: "Referrers",
  utm_campaign: "Campaigns",
  utm_source: "Sources",
  utm_medium: "Media",
  country: "Countries",
  region: "Regions",
  city: "Cities",
  language: "Languages",
  device: "Devices",
  browser: "Browsers",
  os: "Systems",
  hostname: "Hosts",
};

export function isDimension(name: string): name is Dimension {
  return Object.hasOwn(DIMENSIONS, name);
}

const VALUES = 200;

interface Parameter {
  readonly name: string;
  readonly "x-fields"?: readonly Field[];
}

/** The fields of an expression, as this version of the service describes them. */
export function useFields(parameter: string, isWanted: boolean): readonly Field[] {
  const { data } = useRequest(isWanted ? parameter : null, async (signal) => {
    const response = await fetch("openapi.json", { signal }).catch(() => null);
    if (!response?.ok) throw new Failed(unreachable());
    const { paths } = await response.json();
    const parameters: readonly Parameter[] =
      paths["/api/websites/{website_id}/sessions"].get.parameters;
    return parameters.find(({ name }) => name === parameter)?.["x-fields"] ?? [];
  });
  return data ?? [];
}

/** The values that a field has in these days, the most frequent first. */
export function useValues(field: string): readonly string[] {
  const { selection } = useExplorer();
  const { start_date, end_date, timezone } = selection;
  const { data } = useAnswer(
    ":breakdown",
    isDimension(field)
      ? { start_date, end_date, timezone, dimension: [field], limit: VALUES }
      : null,
  );
  return data?.rows.flatMap(({ values }) => values) ?? [];
}

/** Steps to begin with: the pages that are viewed most, and the custom events. */
export function useSteps(): readonly string[] {
  const [pages, events] = [useValues("page"), useValues("event")];
  return [
    ...pages.slice(0, 12).map((page) => stepOf({ page })),
    ...events.slice(0, 12).map((event) => stepOf({ event })),
  ];
}
