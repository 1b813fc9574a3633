/**
 * A report as a file for a spreadsheet (RFC 4180). Below its head, it holds dates and numbers only, which no
 * spreadsheet takes for a formula; a descriptive code in the head comes after a word.
 */
import type { Report, Spread } from "./app/desk/report";
import type { Span } from "./app/desk/report_span";
import { Resolution } from "./gen/carrel/session/v1/session_pb";

const RESOLUTIONS: readonly (readonly [Resolution, string])[] = [
  [Resolution.ANSWERED, "answered"],
  [Resolution.FOLLOW_UP_BY_ME, "follow-up by the librarian"],
  [Resolution.FOLLOW_UP_BY_LIBRARY, "follow-up by the library"],
  [Resolution.LOST_CALL, "lost call"],
  [Resolution.UNSPECIFIED, "not coded yet"],
];

const HEAD = [
  "period",
  "sessions",
  "picked up",
  "not picked up",
  "median wait in s",
  "9 of 10 waited at most s",
  "median length in s",
  ...RESOLUTIONS.map(([, name]) => name),
];

/** Returns the report, a row for each day or month. */
export function reportCsv({ total, periods }: Report): string {
  const codes = total.codes.map(({ code }) => code);
  const head = [...HEAD, ...codes.map((code) => `about: ${code}`)];
  const rows = periods.map(({ key, figures }) => [
    key,
    figures.sessions,
    figures.pickedUp,
    figures.sessions - figures.pickedUp,
    seconds(figures.wait, "median"),
    seconds(figures.wait, "ninetieth"),
    seconds(figures.length, "median"),
    ...RESOLUTIONS.map(([resolution]) => figures.resolved(resolution)),
    ...codes.map((code) => figures.about(code)),
  ]);
  return [head.map(quoted), ...rows].map((row) => `${row.join(",")}\r\n`).join("");
}

/** Returns a text as a cell. */
function quoted(text: string): string {
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Returns the name of the file. */
export function reportName({ firstDay, lastDay }: Span): string {
  return `report-${firstDay}-${lastDay}.csv`;
}

/** Nothing, if there is no such time: zero would be one. */
function seconds(spread: Spread | undefined, which: keyof Spread): string {
  return spread === undefined ? "" : String(Math.round(spread[which] / 1_000));
}
