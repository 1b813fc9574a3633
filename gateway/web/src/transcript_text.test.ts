import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { type SessionEvent, SessionEventSchema } from "./gen/carrel/session/v1/session_event_pb";
import { Part, SessionSchema } from "./gen/carrel/session/v1/session_pb";
import { day } from "./time";
import { transcriptName, transcriptText } from "./transcript_text";

const evening = new Date(2026, 10, 23, 23, 59);
const night = new Date(2026, 10, 24, 0, 1);
const session = create(SessionSchema, {
  institutionId: "maple",
  institutionName: "Maple Library",
  openTime: timestampFromMs(evening.getTime()),
});

function message(text: string, time: Date): SessionEvent {
  const event = create(SessionEventSchema, { author: { part: Part.PATRON }, time: timestampFromMs(time.getTime()) });
  event.payload = { case: "message", value: { $typeName: "carrel.session.v1.MessagePosted", text } };
  return event;
}

describe("a conversation as a file (R24)", () => {
  it("is named after the library and the day", () => {
    expect(transcriptName("chat", session)).toBe("chat-maple-2026-11-23.txt");
  });

  it("says on which day, and again when the day changes", () => {
    const events = [message("before", evening), message("after", night), message("later", night)];
    const lines = transcriptText(session, events, { isOwn: () => false, isPatron: true }).split("\r\n");
    expect(lines[0]).toBe("Chat with Maple Library");
    expect(lines[1]).toContain(day(session.openTime));
    const turn = lines.indexOf(day(timestampFromMs(night.getTime())));
    expect(lines[turn - 2]).toContain("before");
    expect(lines[turn + 2]).toContain("after");
    expect(lines[turn + 3]).toContain("later");
  });

  it("tells staff, and nobody else, where to write to the patron", () => {
    const from = create(SessionSchema, { ...session, patronEmail: "ricky@example.org" });
    const text = (isPatron: boolean) => transcriptText(from, [], { isOwn: () => false, isPatron });
    expect(text(false).split("\r\n")[2]).toBe("The patron's e-mail: ricky@example.org");
    expect(text(true)).not.toContain("ricky@example.org");
    expect(transcriptText(session, [], { isOwn: () => false, isPatron: false })).not.toContain("e-mail");
  });
});
