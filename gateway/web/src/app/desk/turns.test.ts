import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { SessionEventSchema } from "../../gen/carrel/session/v1/session_event_pb";
import { Part } from "../../gen/carrel/session/v1/session_pb";
import { SessionList, SessionRowSchema } from "../../gen/carrel/session/v1/session_service_pb";
import { noLists } from "../../state/lists";
import { unknownSession } from "../../state/session";
import { turnTo } from "./turns";

function listsOf(...ids: string[]) {
  const rows = ids.map((sessionId, index) => {
    const openTime = timestampFromMs(index);
    return [sessionId, create(SessionRowSchema, { sessionId, list: SessionList.MY_ACTIVE, openTime })] as const;
  });
  return { ...noLists, rows: new Map(rows) };
}

/** A session whose patron wrote at this time, and was answered or not. */
function session(sessionId: string, asked: number, answered = false) {
  const event = (position: bigint, part: Part) =>
    create(SessionEventSchema, {
      position,
      time: timestampFromMs(asked),
      author: { part },
      payload: { case: "message", value: { text: "Hello" } },
    });
  const events = [event(1n, Part.PATRON), ...(answered ? [event(2n, Part.OWNER)] : [])];
  return [sessionId, { ...unknownSession(sessionId), events }] as const;
}

describe("the session that a shortcut turns to", () => {
  const lists = listsOf("a", "b", "c");

  it("is the one below or above, around the ends of the list", () => {
    const next = ["a", "b", "c", undefined].map((shown) => turnTo("next", lists, new Map(), shown));
    expect(next).toEqual(["b", "c", "a", "a"]);
    const previous = ["a", "b", "c", undefined].map((shown) => turnTo("previous", lists, new Map(), shown));
    expect(previous).toEqual(["c", "a", "b", "c"]);
  });

  it("is that of the patron who has waited longest for an answer, but for the one in sight", () => {
    const sessions = new Map([session("a", 2_000), session("b", 1_000), session("c", 500, true)]);
    expect(turnTo("awaited", lists, sessions, undefined)).toBe("b");
    expect(turnTo("awaited", lists, sessions, "b")).toBe("a");
    expect(turnTo("awaited", lists, new Map([session("c", 500, true)]), "a")).toBeUndefined();
  });

  it("is none where there is none", () => {
    for (const turn of ["next", "previous", "awaited"] as const)
      expect(turnTo(turn, listsOf(), new Map(), undefined)).toBeUndefined();
  });
});
