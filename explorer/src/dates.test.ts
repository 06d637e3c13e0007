import { expect, test } from "vitest";
import { dayOf, isTimeZone, plusDays, ranges } from "./dates.ts";

test("a moment belongs to the day of the time zone", () => {
  const moment = new Date("2026-03-03T23:30:00Z");
  expect(dayOf(moment, "UTC")).toBe("2026-03-03");
  expect(dayOf(moment, "Europe/Berlin")).toBe("2026-03-04");
});

test("a time zone is one that the browser knows", () => {
  expect(["UTC", "Europe/Berlin", "Europe/Berlim", ""].map(isTimeZone)).toEqual([
    true,
    true,
    false,
    false,
  ]);
});

test("days are counted over ends of months and changes of clocks", () => {
  expect(plusDays("2026-03-01", -1)).toBe("2026-02-28");
  expect(plusDays("2028-02-28", 1)).toBe("2028-02-29");
  expect(plusDays("2026-03-28", 2)).toBe("2026-03-30");
});

test("the last week is the one from Monday to Sunday before this one", () => {
  const week = { start_date: "2026-03-02", end_date: "2026-03-08" };
  for (const today of ["2026-03-09", "2026-03-12", "2026-03-15"]) {
    expect(ranges(today).get("Last week")).toEqual(week);
  }
});

test("months are whole, and the ranges of days have as many days", () => {
  const of = ranges("2026-03-31");
  expect(of.get("Last month")).toEqual({ start_date: "2026-02-01", end_date: "2026-02-28" });
  expect(of.get("This month")).toEqual({ start_date: "2026-03-01", end_date: "2026-03-31" });
  expect(of.get("Last 7 days")).toEqual({ start_date: "2026-03-25", end_date: "2026-03-31" });
});
