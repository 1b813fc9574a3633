import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { Resolution, type Session, SessionSchema } from "../../gen/carrel/session/v1/session_pb";
import { Reporting } from "./report";

const MINUTE = 60_000;
const SPAN = { firstDay: "2026-11-01", lastDay: "2026-11-30" };
const TODAY = new Date(2026, 10, 29);
const MAP = { librarianId: "map", name: "Ms Map", institutionName: "Harbor Library" };

interface Facts {
  practice?: boolean;
  resolution?: Resolution;
  descriptiveCodes?: string[];
  owner?: typeof MAP;
}

/** A session that was asked at this time, picked up after so many minutes, if at all, and over five minutes later. */
function session(asked: Date, wait: number | undefined, other: Facts = {}): Session {
  const after = (minutes: number) => timestampFromDate(new Date(asked.getTime() + minutes * MINUTE));
  return create(SessionSchema, {
    openTime: after(0),
    endTime: after((wait ?? 0) + 5),
    ...(wait === undefined ? {} : { firstPickUpTime: after(wait), owner: MAP }),
    ...other,
  });
}

function reportOf(...sessions: Session[]) {
  const reporting = new Reporting(SPAN, TODAY);
  for (const one of sessions) reporting.count(one);
  return reporting.report();
}

describe("a report (D71)", () => {
  it("says how many were picked up, after which wait, and for how long", () => {
    const at = new Date(2026, 10, 2, 9, 30);
    const waits = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
    const { total } = reportOf(session(at, undefined), ...waits.map((wait) => session(at, wait)));
    expect([total.sessions, total.pickedUp]).toEqual([11, 10]);
    expect(total.wait).toEqual({ median: 5 * MINUTE, ninetieth: 9 * MINUTE });
    expect(total.length).toEqual({ median: 5 * MINUTE, ninetieth: 5 * MINUTE });
  });

  it("counts a patron as picked up whose librarian was lost, and their wait once (R7)", () => {
    const lost = session(new Date(2026, 10, 2, 9), 3);
    lost.owner = undefined;
    const { total, libraries } = reportOf(lost);
    expect([total.pickedUp, total.wait?.median]).toEqual([1, 3 * MINUTE]);
    // Who had them for a while is not who answered.
    expect(libraries).toEqual([]);
  });

  it("knows no wait where nobody was picked up", () => {
    const { total, libraries } = reportOf(session(new Date(2026, 10, 2), undefined));
    expect([total.wait, total.length, libraries]).toEqual([undefined, undefined, []]);
  });

  it("misses no resolution of a patron whom nobody picked up", () => {
    const at = new Date(2026, 10, 2);
    const { total } = reportOf(session(at, undefined), session(at, 1));
    expect([total.sessions, total.resolved(Resolution.UNSPECIFIED)]).toEqual([2, 1]);
  });

  it("does not count practice, by its nature or by its resolution (D36)", () => {
    const at = new Date(2026, 10, 2);
    const report = reportOf(
      session(at, 1, { practice: true }),
      session(at, 1, { resolution: Resolution.PRACTICE }),
      session(at, 1, { resolution: Resolution.ANSWERED }),
      session(at, 1),
    );
    expect([report.practice, report.total.sessions]).toEqual([2, 2]);
    expect(report.total.resolved(Resolution.ANSWERED)).toBe(1);
    expect(report.total.resolved(Resolution.UNSPECIFIED)).toBe(1);
    expect(report.total.resolved(Resolution.PRACTICE)).toBe(0);
  });

  it("counts what sessions were about, the most frequent first, whatever the case (D65)", () => {
    const at = new Date(2026, 10, 2);
    const about = (...descriptiveCodes: string[]) => session(at, 1, { descriptiveCodes });
    const { total } = reportOf(about("Maps", "Fines"), about("Printing", "fines"), about("Fines"), about());
    expect(total.codes).toEqual([
      { code: "Fines", sessions: 3 },
      { code: "Maps", sessions: 1 },
      { code: "Printing", sessions: 1 },
    ]);
    expect([total.about("FINES"), total.about("Ships"), total.withoutCode]).toEqual([3, 0, 1]);
  });

  it("puts a session in the day of its end and in the hour of its question", () => {
    // A Sunday, just before midnight.
    const { periods, asked } = reportOf(session(new Date(2026, 10, 8, 23, 58), 1));
    expect(periods).toHaveLength(29);
    const days = periods.filter(({ figures }) => figures.sessions > 0).map(({ key }) => key);
    expect(days).toEqual(["2026-11-09"]);
    expect(asked[6]?.[23]).toBe(1);
    expect(asked.flat().reduce((sum, count) => sum + count)).toBe(1);
  });

  it("says who answered, the busiest first, and of erased sessions only the library (R20)", () => {
    const at = new Date(2026, 10, 2);
    const of = (librarianId: string, name: string, institutionName: string) =>
      session(at, 1, { owner: { librarianId, name, institutionName } });
    const report = reportOf(
      of("quill", "Mr Quill", "Maple Library"),
      of("map", "Ms Map", "Harbor Library"),
      of("map", "Ms Map", "Harbor Library"),
      of("", "", "Harbor Library"),
      of("map", "Ms Map", "Maple Library"),
    );
    const counted = (all: typeof report.libraries) =>
      all.map(({ name, library, figures }) => [name, library, figures.sessions]);
    expect(counted(report.libraries)).toEqual([
      [undefined, "Harbor Library", 3],
      [undefined, "Maple Library", 2],
    ]);
    expect(counted(report.librarians)).toEqual([
      ["Ms Map", "Harbor Library", 2],
      ["Mr Quill", "Maple Library", 1],
      ["", "Harbor Library", 1],
      ["Ms Map", "Maple Library", 1],
    ]);
  });
});
