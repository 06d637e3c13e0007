/** Days as the API writes them, `YYYY-MM-DD`, and ranges of them that people ask for. */

export interface DayRange {
  readonly start_date: string;
  readonly end_date: string;
}

const DAY_MS = 86_400_000;

/** Whether the browser knows a time zone. */
export function isTimeZone(name: string): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat(undefined, { timeZone: name }));
  } catch {
    return false;
  }
}

/** The time zone of the browser. */
export function ownTimeZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** The day that a moment belongs to. */
export function dayOf(moment: Date, timeZone: string): string {
  return new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short" }).format(moment);
}

/** A day some days later, or earlier. */
export function plusDays(day: string, days: number): string {
  return new Date(Date.parse(day) + days * DAY_MS).toISOString().slice(0, 10);
}

/** The ranges to choose from, by their names. */
export function ranges(today: string): ReadonlyMap<string, DayRange> {
  const monday = plusDays(today, -((new Date(today).getUTCDay() + 6) % 7));
  const first = `${today.slice(0, 8)}01`;
  const lastOfPrevious = plusDays(first, -1);
  const range = (start_date: string, end_date = today): DayRange => ({ start_date, end_date });
  return new Map([
    ["Today", range(today)],
    ["Yesterday", range(plusDays(today, -1), plusDays(today, -1))],
    ["Last 7 days", range(plusDays(today, -6))],
    ["Last week", range(plusDays(monday, -7), plusDays(monday, -1))],
    ["Last 28 days", range(plusDays(today, -27))],
    ["This month", range(first)],
    ["Last month", range(`${lastOfPrevious.slice(0, 8)}01`, lastOfPrevious)],
    ["Last 90 days", range(plusDays(today, -89))],
    ["Last 365 days", range(plusDays(today, -364))],
  ]);
}

export const DEFAULT_RANGE = "Last 28 days";
