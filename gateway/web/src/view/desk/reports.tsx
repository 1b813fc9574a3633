import { useEffect, useMemo, useState } from "preact/hooks";
import type { Desk } from "../../app/desk/desk";
import { isDay } from "../../app/desk/ended_sessions";
import { ReportReader } from "../../app/desk/report_reader";
import { NAMED_SPANS, type NamedSpan, namedSpan, type Span, wrongWith } from "../../app/desk/report_span";
import { reportCsv, reportName } from "../../report_csv";
import { day } from "../../time";
import { saveText } from "../../transcript_text";
import { Icon } from "../parts/icon";
import { ReportView } from "./report_view";

const SPAN_NAMES: Record<NamedSpan, string> = {
  "last-30-days": "Last 30 days",
  "this-month": "This month",
  "last-month": "Last month",
  "this-year": "This year",
  "last-year": "Last year",
};

/** The value of the choice that stands for days that have no name. */
const CHOSEN = "chosen";

/** What became of the questions of the library's patrons, in figures (D71). */
export function Reports({ desk }: { desk: Desk }) {
  const [name, setName] = useState<NamedSpan | undefined>("last-30-days");
  const [span, setSpan] = useState(() => namedSpan("last-30-days", new Date()));
  const wrong = wrongWith(span);
  const reader = useMemo(() => new ReportReader(span, () => desk.accessToken), [desk, span]);
  useEffect(() => {
    if (wrong === "") void reader.read();
    return () => reader.end();
  }, [reader, wrong]);
  const library = desk.profile.value?.institutionName ?? "your library";
  const report = wrong === "" ? reader.report.value : undefined;
  return (
    <div class="paged reports" role="tabpanel" id="panel-reports" aria-labelledby="tab-reports">
      <header class="paged-head">
        <div>
          <h2 class="display">Reports</h2>
          <p class="lead">
            Sessions of patrons of {library} that ended in these days, whoever answered them. Times are those of{" "}
            {zone()}. Practice is not counted.
          </p>
        </div>
        <button
          type="button"
          class="button small"
          aria-disabled={report === undefined}
          onClick={() => report && saveText(reportName(span), reportCsv(report), "text/csv")}
        >
          <Icon name="file" /> Save as CSV
        </button>
      </header>
      <SpanForm
        name={name}
        span={span}
        onName={(chosen) => {
          setName(chosen);
          if (chosen !== undefined) setSpan(namedSpan(chosen, new Date()));
        }}
        onSpan={(chosen) => {
          setName(undefined);
          setSpan(chosen);
        }}
      />
      {wrong !== "" && (
        <p class="notice bad" role="alert">
          {wrong}
        </p>
      )}
      {wrong === "" && <Reading reader={reader} />}
      {report && <ReportView report={report} ownLibrary={library} />}
    </div>
  );
}

/** How far the reading has come, or why it stopped. */
function Reading({ reader }: { reader: ReportReader }) {
  const error = reader.error.value;
  const isDone = reader.report.value !== undefined;
  const { sessions, backTo } = reader.progress.value;
  const soFar = backTo === undefined ? "Reading the sessions …" : `${sessions} sessions read, back to ${day(backTo)} …`;
  return (
    <>
      {/* What is read so far changes too often to be read out. */}
      {!isDone && error === "" && <p class="quiet-text">{soFar}</p>}
      <p class="visually-hidden" role="status">
        {isDone ? "The report is complete." : error === "" && "Reading the sessions …"}
      </p>
      {error && (
        <p class="notice bad" role="alert">
          {error}{" "}
          <button type="button" class="link-button" onClick={() => void reader.read()}>
            Try again
          </button>
        </p>
      )}
    </>
  );
}

interface SpanFormProps {
  /** `undefined` if the days were chosen one by one. */
  name: NamedSpan | undefined;
  span: Span;
  onName: (name: NamedSpan | undefined) => void;
  onSpan: (span: Span) => void;
}

/** The form in which the user chooses the days. Each choice counts at once. */
function SpanForm({ name, span, onName, onSpan }: SpanFormProps) {
  return (
    <div class="session-search">
      <form aria-label="Days of the report" onSubmit={(event) => event.preventDefault()}>
        <label>
          Span
          <select
            value={name ?? CHOSEN}
            onChange={({ currentTarget: { value } }) => onName(NAMED_SPANS.find((one) => one === value))}
          >
            {NAMED_SPANS.map((one) => (
              <option key={one} value={one}>
                {SPAN_NAMES[one]}
              </option>
            ))}
            <option value={CHOSEN}>Chosen days</option>
          </select>
        </label>
        <label>
          From
          <input
            type="date"
            value={span.firstDay}
            onChange={({ currentTarget: { value } }) => isDay(value) && onSpan({ ...span, firstDay: value })}
          />
        </label>
        <label>
          until
          <input
            type="date"
            value={span.lastDay}
            onChange={({ currentTarget: { value } }) => isDay(value) && onSpan({ ...span, lastDay: value })}
          />
        </label>
      </form>
    </div>
  );
}

/** The name of the user's time zone. */
function zone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}
