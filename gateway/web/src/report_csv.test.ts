import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { Reporting } from "./app/desk/report";
import { Resolution, SessionSchema } from "./gen/carrel/session/v1/session_pb";
import { reportCsv, reportName } from "./report_csv";

const SPAN = { firstDay: "2026-11-01", lastDay: "2026-11-02" };

describe("a report as a file (D71)", () => {
  const reporting = new Reporting(SPAN, new Date(2026, 10, 29));
  const at = (seconds: number) => timestampFromDate(new Date(2026, 10, 2, 9, 0, seconds));
  reporting.count(
    create(SessionSchema, {
      patronName: "=HYPERLINK(1)",
      question: "Where, Ricky?",
      openTime: at(0),
      firstPickUpTime: at(42),
      endTime: at(300),
      resolution: Resolution.ANSWERED,
      owner: { librarianId: "map", name: "Ms Map", institutionName: "Harbor, Library" },
    }),
  );
  const lines = reportCsv(reporting.report()).split("\r\n");

  it("has a row for each day, also for one without a session", () => {
    expect(lines.slice(1)).toEqual(["2026-11-01,0,0,0,,,,0,0,0,0,0", "2026-11-02,1,1,0,42,42,258,1,0,0,0,0", ""]);
    expect(lines[0]?.split(",")).toHaveLength(12);
  });

  it("says nothing of patrons and staff", () => {
    expect(lines.join()).not.toMatch(/Ricky|HYPERLINK|Map|Harbor/);
  });

  it("has a column for each descriptive code, which no spreadsheet takes for a formula (D65)", () => {
    const about = new Reporting(SPAN, new Date(2026, 10, 29));
    const descriptiveCodes = ["=1+1", 'Maps, "old" ones'];
    about.count(create(SessionSchema, { openTime: at(0), endTime: at(300), descriptiveCodes }));
    const [head, first, second] = reportCsv(about.report()).split("\r\n");
    expect(head).toMatch(/,not coded yet,about: =1\+1,"about: Maps, ""old"" ones"$/);
    expect(first).toMatch(/^2026-11-01,0,.*,0,0$/);
    expect(second).toMatch(/^2026-11-02,1,.*,0,1,1$/);
  });

  it("is named after its days", () => {
    expect(reportName(SPAN)).toBe("report-2026-11-01-2026-11-02.csv");
  });
});
