import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { SomebodyTypingSchema } from "../gen/carrel/gateway/v1/frames_pb";
import { SessionEventSchema } from "../gen/carrel/session/v1/session_event_pb";
import { Audience, Part } from "../gen/carrel/session/v1/session_pb";
import { expireTyping, noteTyping, stopTyping } from "./typing";

const sign = (name: string, sessionId = "s") =>
  create(SomebodyTypingSchema, {
    sessionId,
    typing: { box: Audience.PATRON, author: { part: Part.PATRON, name } },
  });

describe("who is typing", () => {
  it("lapses by itself, and starts anew with each sign", () => {
    let typists = noteTyping([], sign("Ricky"), 0);
    typists = noteTyping(typists, sign("Ricky"), 4_000);
    expect(typists).toHaveLength(1);
    expect(expireTyping(typists, 9_000)).toHaveLength(1);
    expect(expireTyping(typists, 10_000)).toHaveLength(0);
  });

  it("ends with what was typed, in that session only", () => {
    const typists = noteTyping(noteTyping([], sign("Ricky"), 0), sign("Ricky", "other"), 0);
    const event = create(SessionEventSchema, { author: { part: Part.PATRON, name: "Ricky" } });
    expect(stopTyping(typists, "s", event).map(({ sessionId }) => sessionId)).toEqual(["other"]);
  });

  it("ends for everybody in a session that has ended", () => {
    const typists = noteTyping(noteTyping([], sign("Ricky"), 0), sign("Ricky", "other"), 0);
    const event = create(SessionEventSchema, {
      author: { part: Part.OWNER, name: "Ms Map" },
      payload: { case: "ended", value: {} },
    });
    expect(stopTyping(typists, "s", event).map(({ sessionId }) => sessionId)).toEqual(["other"]);
  });
});
