/** The spans of time that a report can be made for. Days are in the form of a date field, in the user's time zone. */

/** From the first day to the last, both included. */
export interface Span {
  firstDay: string;
  lastDay: string;
}

/** Spans that are chosen by name, in the order in which they are offered. */
export const NAMED_SPANS = ["last-30-days", "this-month", "last-month", "this-year", "last-year"] as const;

/** The name of a span. */
export type NamedSpan = (typeof NAMED_SPANS)[number];

/** A day, or a month, of a span. */
export interface Period {
  /** "2026-11-29" or "2026-11". */
  key: string;
  /** Its first moment, in the user's time zone. */
  begins: Date;
}

/** Up to so many days are reported one by one; longer spans by the month. */
const DAYS_ONE_BY_ONE = 62;

/** Returns the span with a name, as of today. */
export function namedSpan(name: NamedSpan, today: Date): Span {
  const [year, month, date] = [today.getFullYear(), today.getMonth(), today.getDate()];
  const from = (first: Date, last: Date) => ({ firstDay: dayKey(first), lastDay: dayKey(last) });
  switch (name) {
    case "last-30-days":
      return from(new Date(year, month, date - 29), today);
    case "this-month":
      return from(new Date(year, month, 1), today);
    case "last-month":
      return from(new Date(year, month - 1, 1), new Date(year, month, 0));
    case "this-year":
      return from(new Date(year, 0, 1), today);
    case "last-year":
      return from(new Date(year - 1, 0, 1), new Date(year - 1, 11, 31));
  }
}

/** Returns what is wrong with a span that the user chose, or nothing. */
export function wrongWith({ firstDay, lastDay }: Span): string {
  if (firstDay === "" || lastDay === "") return "Give the first day and the last.";
  return lastDay < firstDay ? "The last day is before the first." : "";
}

/** Whether a span is reported by the month. */
export function isByMonth({ firstDay, lastDay }: Span): boolean {
  return new Date(lastDay).getTime() - new Date(firstDay).getTime() >= DAYS_ONE_BY_ONE * 86_400_000;
}

/** Returns the days or months of a span in order, up to today: nothing has ended after it. */
export function periodsOf(span: Span, today: Date): Period[] {
  const last = [span.lastDay, dayKey(today)].sort()[0] ?? "";
  const byMonth = isByMonth(span);
  const [year = 0, month = 1, day = 1] = span.firstDay.split("-").map(Number);
  const periods: Period[] = [];
  for (let n = 0; ; n++) {
    const begins = byMonth ? new Date(year, month - 1 + n, 1) : new Date(year, month - 1, day + n);
    const key = byMonth ? monthKey(begins) : dayKey(begins);
    if (key > (byMonth ? last.slice(0, 7) : last)) return periods;
    periods.push({ key, begins });
  }
}

/** Returns the key of the period to which a moment belongs. */
export function periodKey(moment: Date, byMonth: boolean): string {
  return byMonth ? monthKey(moment) : dayKey(moment);
}

function dayKey(date: Date): string {
  return `${monthKey(date)}-${String(date.getDate()).padStart(2, "0")}`;
}

function monthKey(date: Date): string {
  return `${String(date.getFullYear()).padStart(4, "0")}-${String(date.getMonth() + 1).padStart(2, "0")}`;
}
