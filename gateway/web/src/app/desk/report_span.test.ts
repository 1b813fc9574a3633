import { describe, expect, it } from "vitest";
import { isByMonth, NAMED_SPANS, namedSpan, periodsOf, wrongWith } from "./report_span";

const TODAY = new Date(2026, 2, 1, 9);

describe("a span of a report", () => {
  it("has a name, and days that follow from today", () => {
    expect(NAMED_SPANS.map((name) => Object.values(namedSpan(name, TODAY)))).toEqual([
      ["2026-01-31", "2026-03-01"],
      ["2026-03-01", "2026-03-01"],
      ["2026-02-01", "2026-02-28"],
      ["2026-01-01", "2026-03-01"],
      ["2025-01-01", "2025-12-31"],
    ]);
  });

  it("needs both days, in their order", () => {
    expect(wrongWith({ firstDay: "2026-03-01", lastDay: "2026-03-01" })).toBe("");
    expect(wrongWith({ firstDay: "", lastDay: "2026-03-01" })).toContain("Give");
    expect(wrongWith({ firstDay: "2026-03-01", lastDay: "" })).toContain("Give");
    expect(wrongWith({ firstDay: "2026-03-02", lastDay: "2026-03-01" })).toContain("before");
  });
});

describe("the periods of a report", () => {
  const keys = (firstDay: string, lastDay: string) => periodsOf({ firstDay, lastDay }, TODAY).map(({ key }) => key);

  it("are days, also where a month ends", () => {
    expect(keys("2026-02-27", "2026-03-01")).toEqual(["2026-02-27", "2026-02-28", "2026-03-01"]);
  });

  it("do not go beyond today", () => {
    expect(keys("2026-02-28", "2026-12-31")).toEqual(["2026-02", "2026-03"]);
    expect(keys("2026-02-28", "2026-03-20")).toEqual(["2026-02-28", "2026-03-01"]);
    expect(keys("2026-03-02", "2026-03-20")).toEqual([]);
  });

  it("are months when there would be many days", () => {
    expect(isByMonth({ firstDay: "2026-01-01", lastDay: "2026-03-03" })).toBe(false);
    expect(isByMonth({ firstDay: "2026-01-01", lastDay: "2026-03-04" })).toBe(true);
    expect(keys("2025-11-15", "2026-03-01")).toEqual(["2025-11", "2025-12", "2026-01", "2026-02", "2026-03"]);
  });
});
