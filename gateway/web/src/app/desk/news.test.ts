import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { type SessionEvent, SessionEventSchema } from "../../gen/carrel/session/v1/session_event_pb";
import { MAP, QUILL, RICKY } from "../../testing/desk_stage";
import { newsOf } from "./news";

const LONG = "x".repeat(300);

/** What Ms Map is told of an event in the session with Ricky. */
function told(payload: SessionEvent["payload"], author: typeof MAP, isShown: boolean): string | undefined {
  const event = Object.assign(create(SessionEventSchema, { position: 1n, author }), { payload });
  return newsOf(event, { librarianId: "map", patron: "Ricky", isShown, queueName: (id) => id });
}

const message = (text: string) =>
  ({ case: "message", value: { $typeName: "carrel.session.v1.MessagePosted", text } }) as const;
const note = (text: string) => ({ case: "note", value: { $typeName: "carrel.session.v1.NoteWritten", text } }) as const;
const ricky = { librarianId: "", ...RICKY };

describe("what a screen reader says of a text (D82)", () => {
  it("is the whole of it in the session that is shown", () => {
    expect(told(message(LONG), ricky, true)).toBe(`Ricky: ${LONG}`);
    expect(told(note("Room 2"), QUILL, true)).toBe("Note, staff only, from Mr Quill: Room 2");
  });

  it("is the name and the beginning elsewhere, so that it does not keep the librarian from their patron", () => {
    expect(told(message(LONG), ricky, false)).toBe(`Ricky wrote: ${"x".repeat(100)} …`);
    expect(told(message("Hello"), QUILL, false)).toBe("Mr Quill wrote in the session with Ricky: Hello");
    expect(told(note(LONG), QUILL, false)).toBe(
      `Mr Quill wrote a note, staff only, in the session with Ricky: ${"x".repeat(100)} …`,
    );
  });

  it("is nothing of what the librarian wrote themselves", () => {
    expect(told(message("Hello"), MAP, false)).toBeUndefined();
  });
});
