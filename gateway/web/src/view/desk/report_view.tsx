import type { ComponentChildren } from "preact";
import type { Answerer, Figures, Report, Spread } from "../../app/desk/report";
import { Resolution } from "../../gen/carrel/session/v1/session_pb";
import { spanToTheSecond } from "../../time";
import { RESOLUTION_CHOICES } from "../../words";
import { AskedTable } from "./asked_table";

/** The resolutions of sessions that count, in words for every reader: whose "by me" it is does not matter here. */
const RESOLUTIONS: readonly (readonly [Resolution, string])[] = [
  ...RESOLUTION_CHOICES.filter(([resolution]) => resolution !== Resolution.PRACTICE).map(
    ([resolution, words]) =>
      [resolution, resolution === Resolution.FOLLOW_UP_BY_ME ? "Follow-up by the librarian" : words] as const,
  ),
  [Resolution.UNSPECIFIED, "Not coded yet"],
];

const NUMBER = new Intl.NumberFormat();
const PERCENT = new Intl.NumberFormat(undefined, { style: "percent" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short", year: "numeric" });
const MONTH = new Intl.DateTimeFormat(undefined, { month: "long", year: "numeric" });

/** A complete report. */
export function ReportView({ report, ownLibrary }: { report: Report; ownLibrary: string }) {
  const { total, practice, periods } = report;
  if (total.sessions === 0) {
    return (
      <p class="quiet-text">
        No session ended in these days{practice === 0 ? "" : `, apart from practice: ${practice}`}.
      </p>
    );
  }
  const byMonth = periods[0]?.key.length === "2026-11".length;
  return (
    <>
      <Totals report={report} />
      <ReportTable
        caption="How they ended"
        head={["Resolution", "Sessions", "Part"]}
        rows={RESOLUTIONS.map(([resolution, words]) => {
          const count = total.resolved(resolution);
          return [words, count, PERCENT.format(count / total.sessions)];
        })}
      />
      {total.codes.length > 0 && (
        <ReportTable
          caption="What they were about"
          head={["Descriptive code", "Sessions", "Part"]}
          rows={aboutRows(total).map(([code, count]) => [code, count, PERCENT.format(count / total.sessions)])}
        />
      )}
      <ReportTable
        caption="Which library answered last"
        head={["Library", "Sessions", "Part", "Median wait", "Median length"]}
        rows={report.libraries.map(({ library, figures }) => [
          library === ownLibrary ? `${library} (your own)` : library,
          figures.sessions,
          PERCENT.format(figures.sessions / total.sessions),
          words(figures.wait, "median"),
          words(figures.length, "median"),
        ])}
      />
      <ReportTable
        caption="Who answered last"
        head={["Librarian", "Sessions", "Median length"]}
        rows={report.librarians.map((one) => [nameOf(one), one.figures.sessions, words(one.figures.length, "median")])}
      />
      <AskedTable asked={report.asked} />
      <ReportTable
        caption={byMonth ? "Month by month" : "Day by day"}
        head={[byMonth ? "Month" : "Day", "Sessions", "Picked up", "Not picked up", "Median wait", "Median length"]}
        rows={periods.map(({ begins, figures }) => [
          (byMonth ? MONTH : DAY).format(begins),
          figures.sessions,
          figures.pickedUp,
          figures.sessions - figures.pickedUp,
          words(figures.wait, "median"),
          words(figures.length, "median"),
        ])}
      />
    </>
  );
}

/**
 * What they were about, and how many have no code. A session may have several, so the parts can be more than the whole.
 */
function aboutRows(total: Figures): (readonly [string, number])[] {
  const codes = total.codes.map(({ code, sessions }) => [code, sessions] as const);
  return [...codes, ["No descriptive code", total.withoutCode]];
}

function Totals({ report: { total, practice, answeredElsewhere } }: { report: Report }) {
  const left = total.sessions - total.pickedUp;
  return (
    <dl class="report-totals">
      <Total name="Sessions" note={practice === 0 ? "" : `and ${NUMBER.format(practice)} for practice`}>
        {NUMBER.format(total.sessions)}
      </Total>
      <Total name="Picked up" note={PERCENT.format(total.pickedUp / total.sessions)}>
        {NUMBER.format(total.pickedUp)}
      </Total>
      <Total name="Left without a librarian" note={PERCENT.format(left / total.sessions)}>
        {NUMBER.format(left)}
      </Total>
      {answeredElsewhere > 0 && (
        <Total name="Answered by other libraries" note={PERCENT.format(answeredElsewhere / total.sessions)}>
          {NUMBER.format(answeredElsewhere)}
        </Total>
      )}
      <Total name="Median wait" note={`9 of 10 at most ${words(total.wait, "ninetieth")}`}>
        {words(total.wait, "median")}
      </Total>
      <Total name="Median length" note={`9 of 10 at most ${words(total.length, "ninetieth")}`}>
        {words(total.length, "median")}
      </Total>
    </dl>
  );
}

function Total({ name, note, children }: { name: string; note: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <strong>{children}</strong> {note && <span>{note}</span>}
      </dd>
    </div>
  );
}

interface ReportTableProps {
  caption: string;
  /** The first column names the rows; the others are right-aligned. */
  head: readonly string[];
  rows: readonly (readonly (string | number)[])[];
}

function ReportTable({ caption, head, rows }: ReportTableProps) {
  return (
    // It may be wider than its window, and scrolls by itself then, also by keyboard.
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be within reach of the keyboard
    <section class="table-frame" tabIndex={0} aria-label={caption}>
      <table class="report-table">
        <caption>{caption}</caption>
        <thead>
          <tr>
            {head.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(([name, ...cells], n) => (
            <tr key={n}>
              <th scope="row">{name}</th>
              {cells.map((cell, column) => (
                <td key={head[column + 1]}>{typeof cell === "number" ? NUMBER.format(cell) : cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** The librarian and their library, which is all that is known of an erased session. */
function nameOf({ name, library }: Answerer): string {
  return `${name || "Erased"}, ${library}`;
}

function words(spread: Spread | undefined, which: keyof Spread): string {
  return spread === undefined ? "–" : spanToTheSecond(spread[which]);
}
