/** Numbers, times and names as the browser's language writes them. */

const WHOLE = new Intl.NumberFormat();
const SHORT = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });
const TWO_DIGITS = new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 });
const PERCENT = new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 1 });
const CHANGE = new Intl.NumberFormat(undefined, {
  style: "percent",
  maximumFractionDigits: 0,
  signDisplay: "exceptZero",
});

/** What stands where there is no figure: absent is never 0. */
export const ABSENT = "–";

type Figure = number | undefined;

export const count = (value: number) => WHOLE.format(value);
export const shortCount = (value: number) => SHORT.format(value);
export const ratio = (value: Figure) => (value === undefined ? ABSENT : TWO_DIGITS.format(value));
export const percent = (value: Figure) => (value === undefined ? ABSENT : PERCENT.format(value));
/** A relative change, such as +12 %. */
export const change = (value: number) => CHANGE.format(value);

/** `1,234 sessions`, `1 session`. */
export function counted(value: number, what: string): string {
  return `${count(value)} ${value === 1 ? what : `${what}s`}`;
}

/** Seconds in the two largest units: `2h 05m`, `1m 30s`, `0.4s`. */
export function duration(seconds: Figure): string {
  if (seconds === undefined) return ABSENT;
  if (seconds > 0 && seconds < 1) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  const [days, hours, minutes] = [86_400, 3_600, 60].map((unit) => Math.floor(whole / unit));
  const two = (value: number) => String(value).padStart(2, "0");
  if (days) return `${days}d ${two((hours ?? 0) % 24)}h`;
  if (hours) return `${hours}h ${two((minutes ?? 0) % 60)}m`;
  return minutes ? `${minutes}m ${two(whole % 60)}s` : `${whole}s`;
}

/** The day of `YYYY-MM-DD`, which has no time zone. */
export function day(text: string): string {
  const format = new Intl.DateTimeFormat(undefined, { timeZone: "UTC", dateStyle: "medium" });
  return format.format(new Date(text));
}

/** Formats moments in a time zone; in labels of buckets the year is only where it is needed. */
export function moments(timeZone: string, isYearNeeded = false) {
  const year = isYearNeeded ? ({ year: "numeric" } as const) : {};
  const date = { day: "numeric", month: "short", ...year } as const;
  const of = (options: Intl.DateTimeFormatOptions) => {
    const format = new Intl.DateTimeFormat(undefined, { timeZone, ...options });
    return (moment: string) => format.format(new Date(moment));
  };
  return {
    /** Day and time, to the minute. */
    minute: of({ dateStyle: "medium", timeStyle: "short" }),
    second: of({ dateStyle: "medium", timeStyle: "medium" }),
    time: of({ timeStyle: "medium" }),
    /** Labels of buckets of a time series. */
    hour: of({ ...date, hour: "numeric", minute: "2-digit" }),
    day: of({ ...date, weekday: "short" }),
    week: of(date),
    month: of({ month: "short", year: "numeric" }),
  };
}

const NAMES = {
  country: new Intl.DisplayNames(undefined, { type: "region", fallback: "code" }),
  language: new Intl.DisplayNames(undefined, { type: "language", fallback: "code" }),
};

/** A value of a dimension, for people; unknown is the empty text. */
export function named(dimension: string, value: string): string {
  if (value === "") return "(none)";
  try {
    if (dimension === "country" || dimension === "language") {
      return NAMES[dimension].of(value) ?? value;
    }
  } catch {
    // As it was recorded, which may be no code at all.
  }
  return value;
}
