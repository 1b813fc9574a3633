import { timestampMs } from "@bufbuild/protobuf/wkt";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Resolution } from "../../gen/carrel/session/v1/session_pb";
import { EndedSessions, EVERYTHING, filterOf, isDay, isNarrowed, type Search } from "./ended_sessions";

afterEach(() => {
  vi.unstubAllGlobals();
});

/** Answers the requests with these pages, one after the other, and returns the bodies of the requests. */
function serve(...pages: object[]): Record<string, unknown>[] {
  const asked: Record<string, unknown>[] = [];
  vi.stubGlobal("fetch", async (_path: string, request: RequestInit) => {
    asked.push(JSON.parse(String(request.body)));
    return new Response(JSON.stringify(pages[Math.min(asked.length, pages.length) - 1]));
  });
  return asked;
}

const search = (part: Partial<Search>): Search => ({ ...EVERYTHING, ...part });

describe("a search as the server wants it", () => {
  it("reaches from the start of the first day to the end of the last, in the user's time zone", () => {
    const { endTimeFrom, endTimeBefore } = filterOf(search({ firstDay: "2026-02-28", lastDay: "2026-02-28" }));
    expect(endTimeFrom && timestampMs(endTimeFrom)).toBe(new Date(2026, 1, 28).getTime());
    expect(endTimeBefore && timestampMs(endTimeBefore)).toBe(new Date(2026, 2, 1).getTime());
  });

  it("is not made of a year that is still being typed, or that the server does not know", () => {
    expect(["", "2026-11-28", "9999-12-30"].filter(isDay)).toHaveLength(3);
    expect(["0002-11-28", "0202-11-28", "20260-11-28"].filter(isDay)).toEqual([]);
  });

  it("has no limit for a day that is not given", () => {
    const filter = filterOf(search({ text: "  maps " }));
    expect([filter.endTimeFrom, filter.endTimeBefore, filter.resolution]).toEqual([undefined, undefined, undefined]);
    expect(filter.text).toBe("maps");
  });

  it("tells what is not coded yet from any resolution", () => {
    expect(filterOf(search({ resolution: Resolution.UNSPECIFIED })).resolution).toBe(Resolution.UNSPECIFIED);
    expect(isNarrowed(search({ resolution: Resolution.UNSPECIFIED }))).toBe(true);
    expect(isNarrowed(search({ text: " " }))).toBe(false);
  });
});

describe("a search in which the first pages have no match", () => {
  const nothing = { nextPageToken: "2.b", searchedToTime: "2026-03-01T00:00:00Z" };

  it("goes on to the first match", async () => {
    const asked = serve(nothing, { sessions: [{ sessionId: "a" }] });
    const { list, searchedTo } = new EndedSessions(search({ text: "maps" }), () => "token");
    await list.reload();
    expect(list.entries.value?.map(({ sessionId }) => sessionId)).toEqual(["a"]);
    expect(searchedTo.value).toBeUndefined();
    expect(asked).toEqual([
      { pageSize: 25, filter: { text: "maps" } },
      { pageSize: 25, pageToken: "2.b", filter: { text: "maps" } },
    ]);
  });

  it("stops after a while, to be gone on with, and says how far it came", async () => {
    const asked = serve(nothing);
    const { list, searchedTo } = new EndedSessions(search({ text: "maps" }), () => "token");
    await list.reload();
    expect(asked).toHaveLength(20);
    expect(list.entries.value).toEqual([]);
    expect(list.next.value).toBe("2.b");
    expect(searchedTo.value).toBeDefined();
  });

  it("stops when the user looks for something else", async () => {
    const asked = serve(nothing);
    const ended = new EndedSessions(search({ text: "maps" }), () => "token");
    const reading = ended.list.reload();
    ended.end();
    await reading;
    expect(asked).toHaveLength(1);
  });
});
