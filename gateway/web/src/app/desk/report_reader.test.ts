import { afterEach, describe, expect, it, vi } from "vitest";
import { ReportReader } from "./report_reader";

const SPAN = { firstDay: "2026-11-01", lastDay: "2026-11-30" };
const SESSION = { sessionId: "s", openTime: "2026-11-02T12:00:00Z", endTime: "2026-11-02T12:05:00Z" };

afterEach(() => vi.unstubAllGlobals());

/** Answers each request with the next of these pages. A page that is absent is an answer that does not come. */
function answering(...pages: (object | undefined)[]) {
  const asked: Record<string, unknown>[] = [];
  vi.stubGlobal("fetch", async (_: string, { body }: { body: string }) => {
    asked.push(JSON.parse(body));
    const page = pages.shift();
    if (page === undefined) throw new TypeError("no network");
    return new Response(JSON.stringify(page));
  });
  return asked;
}

const reader = () => new ReportReader(SPAN, () => "t");
const first = { sessions: [SESSION, SESSION], nextPageToken: "2", searchedToTime: "2026-11-02T12:05:00Z" };
const last = { sessions: [SESSION] };

describe("the reading for a report (D71)", () => {
  it("goes from page to page over the days of the span, and is complete with the last", async () => {
    const asked = answering(first, last);
    const reading = reader();
    await reading.read();
    expect(reading.report.value?.total.sessions).toBe(3);
    expect(asked.map(({ pageToken }) => pageToken)).toEqual([undefined, "2"]);
    const filter = asked[0]?.filter as { endTimeFrom: string; endTimeBefore: string };
    expect(new Date(filter.endTimeFrom)).toEqual(new Date(2026, 10, 1));
    expect(new Date(filter.endTimeBefore)).toEqual(new Date(2026, 11, 1));
  });

  it("goes on after a failure where it came to, and counts nothing twice", async () => {
    const asked = answering(first, undefined, last);
    const reading = reader();
    await reading.read();
    expect(reading.report.value).toBeUndefined();
    expect(reading.error.value).not.toBe("");
    expect(reading.progress.value.sessions).toBe(2);
    await reading.read();
    expect(reading.error.value).toBe("");
    expect(reading.report.value?.total.sessions).toBe(3);
    expect(asked.map(({ pageToken }) => pageToken)).toEqual([undefined, "2", "2"]);
  });

  it("ends when another report is wanted", async () => {
    const asked = answering(first, last);
    const reading = reader();
    const read = reading.read();
    reading.end();
    await read;
    expect(asked).toHaveLength(1);
    expect(reading.report.value).toBeUndefined();
  });
});
