import { expect, test } from "vitest";
import { ABSENT, counted, duration, moments, named, percent } from "./format.ts";
import { changeOf, type Summary, written } from "./metrics.ts";

test("durations are in their two largest units", () => {
  const cases = { 0: "0s", 0.4: "0.4s", 59.6: "1m 00s", 90: "1m 30s", 7500: "2h 05m" };
  for (const [seconds, text] of Object.entries(cases)) {
    expect(duration(Number(seconds))).toBe(text);
  }
  expect(duration(93_600)).toBe("1d 02h");
});

test("what is absent is never 0", () => {
  expect([duration(undefined), percent(undefined)]).toEqual([ABSENT, ABSENT]);
  expect(written({ sessions: 0 } as Summary, "bounce_rate")).toBe(ABSENT);
});

test("one is singular", () => {
  expect([counted(1, "session"), counted(0, "session")]).toEqual(["1 session", "0 sessions"]);
});

test("codes have names, and what is no code stays as it is", () => {
  expect(named("country", "DE")).toBe("Germany");
  expect(named("country", "not a code")).toBe("not a code");
  expect(named("city", "")).toBe("(none)");
});

test("moments are those of the time zone", () => {
  expect(moments("Europe/Berlin").time("2026-03-03T23:30:00Z")).toMatch(/^0?0:30:00|^12:30:00/);
});

test("labels of buckets have the day, and the year where it is needed", () => {
  const moment = "2026-03-03T13:30:00Z";
  expect(moments("UTC").hour(moment)).toMatch(/Mar 3\b|\b3 Mar/);
  expect(moments("UTC").week(moment)).not.toContain("2026");
  for (const unit of ["hour", "day", "week"] as const) {
    expect(moments("UTC", true)[unit](moment)).toContain("2026");
  }
});

test("rates change by points, all else by a share, and from nothing by neither", () => {
  const before = { sessions: 100, bounce_rate: 0.5, events: 0 } as Summary;
  const now = { sessions: 150, bounce_rate: 0.4, events: 3 } as Summary;
  expect(changeOf(now, before, "sessions")).toEqual({ text: "+50%", isBetter: true });
  expect(changeOf(now, before, "bounce_rate")).toEqual({ text: "-10 pp", isBetter: true });
  expect(changeOf(now, before, "events")).toBeUndefined();
  expect(changeOf(now, now, "sessions")).toEqual({ text: "0%", isBetter: undefined });
});
