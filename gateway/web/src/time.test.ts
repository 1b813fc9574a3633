import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { clockTime, comingTime, day, pastTime, recentTime, roughly, span, spanToTheSecond, stopwatch } from "./time";

describe("a span of time", () => {
  it("is said as a person says it, or runs as a clock does (D30)", () => {
    expect([42_000, 99_999, 100_000, 3_600_000].map(span)).toEqual(["42 s", "99 s", "1 min", "1 h 0 min"]);
    expect([0, 42_000, 187_000, 3_729_000, -5].map(stopwatch)).toEqual(["0:00", "0:42", "3:07", "1:02:09", "0:00"]);
  });
});

describe("a span of time in a report", () => {
  it("is to the second when it is short (D71)", () => {
    expect([42_400, 108_000, 180_000, 599_900, 700_000, 3_900_000].map(spanToTheSecond)).toEqual([
      "42 s",
      "1 min 48 s",
      "3 min",
      "10 min",
      "11 min",
      "1 h 5 min",
    ]);
  });
});

describe("a span of time that is read out", () => {
  it("changes by the minute (D82)", () => {
    expect([-5, 59_000, 187_000, 3_729_000].map(roughly)).toEqual([
      "less than 1 min",
      "less than 1 min",
      "3 min",
      "1 h 2 min",
    ]);
  });
});

describe("a time that is past (R24)", () => {
  it("is the time of day, or the day if it is not today", () => {
    const now = new Date(2026, 10, 23, 18, 0).getTime();
    const today = timestampFromMs(new Date(2026, 10, 23, 9, 30).getTime());
    const before = timestampFromMs(new Date(2026, 10, 22, 9, 30).getTime());
    expect(pastTime(today, now)).toBe(clockTime(today));
    expect(pastTime(before, now)).toBe(day(before));
    expect(pastTime(undefined, now)).toBe("");
  });

  it("is said with the day as people say it", () => {
    const now = new Date(2026, 10, 23, 1, 0).getTime();
    const said = (date: number) => recentTime(new Date(2026, 10, date, 0, 30).getTime(), now);
    expect(said(23)).toMatch(/^today at .*30/);
    expect(said(22)).toMatch(/^yesterday at .*30/);
    expect(said(20)).toMatch(/^on .*2026.* at .*30/);
  });
});

describe("a time to come, in the viewer's zone (D34)", () => {
  const now = new Date(2026, 10, 23, 18, 0).getTime();
  const at = (day: number, hour: number) =>
    comingTime(timestampFromMs(new Date(2026, 10, day, hour, 30).getTime()), now);

  it("is today, tomorrow, a weekday, or a day", () => {
    expect(at(23, 20)).toMatch(/^today at .*30/);
    expect(at(24, 9)).toMatch(/^tomorrow at .*30/);
    expect(at(27, 9)).toMatch(
      new RegExp(`^on ${new Intl.DateTimeFormat(undefined, { weekday: "long" }).format(new Date(2026, 10, 27))} at`),
    );
    expect(comingTime(timestampFromMs(new Date(2026, 11, 24, 9, 30).getTime()), now)).toMatch(/^on .*2026.* at/);
  });
});
