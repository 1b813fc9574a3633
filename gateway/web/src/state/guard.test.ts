import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { type SessionEvent, SessionEventSchema } from "../gen/carrel/session/v1/session_event_pb";
import { PersonSchema } from "../gen/carrel/session/v1/session_pb";
import { noteInDoubt } from "./guard";

function event(kind: "note" | "message", by: string, time: number, position = 1): SessionEvent {
  const payload = { case: kind, value: { text: "…" } } as const;
  const author = create(PersonSchema, { librarianId: by });
  return create(SessionEventSchema, { position: BigInt(position), time: timestampFromMs(time), author, payload });
}

const isMine = (one: SessionEvent) => one.author?.librarianId === "me";

describe("the guard against answering a note to the patron (R10, S33)", () => {
  it("asks when a colleague's note is the newest thing and was written within 30 seconds", () => {
    const events = [event("message", "me", 0), event("note", "admin", 10_000, 2)];
    expect(noteInDoubt(events, isMine, 15_000, 20_000)).toBe(2);
  });

  it("asks when the answer was begun in time and took long", () => {
    expect(noteInDoubt([event("note", "admin", 0)], isMine, 20_000, 90_000)).toBe(1);
  });

  it.each([
    ["the note is one's own", [event("note", "me", 0)], 1_000],
    ["the note was answered", [event("note", "admin", 0), event("note", "me", 500, 2)], 1_000],
    ["something newer was said", [event("note", "admin", 0), event("message", "ricky", 500, 2)], 1_000],
    ["the note is old", [event("note", "admin", 0)], 31_000],
    ["there is nothing", [], 0],
  ])("does not ask when %s", (_, events, now) => {
    expect(noteInDoubt(events, isMine, now, now)).toBeUndefined();
  });
});
