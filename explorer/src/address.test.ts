import { expect, test } from "vitest";
import { changed, drilled, formatAddress, moved, parseAddress, selectionOf } from "./address.ts";

const days = "start_date=2026-03-01&end_date=2026-03-31&timezone=Europe%2FBerlin";

test("an address is written as it was read", () => {
  for (const text of [`#/overview?${days}`, "#/session/sess_1?website_id=site_1", "#/live"]) {
    expect(formatAddress(parseAddress(text))).toBe(text);
  }
});

test("an address that is damaged still has a view", () => {
  expect(parseAddress("").view).toBe("overview");
  expect(parseAddress("#/session/%E0%A4%A").id).toBe("%E0%A4%A");
  expect(parseAddress("#/sessions?filter=a?b").params.get("filter")).toBe("a?b");
});

test("another view keeps the selection and leaves what is the view's own", () => {
  const address = parseAddress(`#/funnel?${days}&filter=x&steps=a&steps=b`);
  expect(formatAddress(moved(address, "flows"))).toBe(`#/flows?${days}&filter=x`);
});

test("a cell goes on to another view, and goes with another selection", () => {
  const address = parseAddress(`#/sessions?${days}&cell=c&cell_label=some`);
  expect(selectionOf(moved(address, "overview")).cell).toBe("c");
  expect(selectionOf(changed(address, { metric: "visitors" })).cell).toBe("c");
  expect(selectionOf(changed(address, { filter: "x" })).cell).toBeUndefined();
  expect(changed(address, { end_date: "2026-04-01" }).params.has("cell_label")).toBe(false);
});

test("a selection has what is sent to the API, with names of its own", () => {
  const text = `${days}&include_bots=true&journey=a&journey=b&cell_label=some&website_id=s`;
  expect(selectionOf(parseAddress(`#/sessions?${text}`))).toEqual({
    start_date: "2026-03-01",
    end_date: "2026-03-31",
    timezone: "Europe/Berlin",
    include_bots: true,
    journey: ["a", "b"],
  });
});

test("a cell inside of a cell says both", () => {
  const outer = parseAddress("#/sessions?cell=a&cell_label=one");
  expect(drilled(outer, { cell: "ab" }, "two")).toEqual({ cell: "ab", cell_label: "one; two" });
  expect(drilled(outer, { filter: "", journey: [], not_journey: ["n"] }, "")).toEqual({
    filter: "",
    not_journey: ["n"],
  });
});
