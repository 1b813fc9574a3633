import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { type SessionEvent, SessionEventSchema } from "./gen/carrel/session/v1/session_event_pb";
import { Part, PersonSchema, Resolution, SessionSchema } from "./gen/carrel/session/v1/session_pb";
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
  it("is named after the library and when it began", () => {
    expect(transcriptName("chat", session)).toBe("chat-maple-2026-11-23-235900.txt");
  });

  it("says that it was erased, to staff by whom (R20)", () => {
    const erased = create(SessionEventSchema, { time: timestampFromMs(night.getTime()) });
    erased.payload = { case: "erased", value: { $typeName: "carrel.session.v1.SessionErased" } };
    const author = create(PersonSchema, { part: Part.COLLEAGUE, name: "Ms Quill" });
    const by = create(SessionEventSchema, { ...erased, author });
    const line = (event: SessionEvent, isPatron: boolean, own = false) =>
      transcriptText(session, [event], { isOwn: () => own, isPatron });
    expect(line(by, false)).toContain("Erased by Ms Quill");
    expect(line(by, false, true)).toContain("You erased this session");
    expect(line(erased, false)).toContain("Erased when its time was over");
    expect(line(erased, true)).toContain("The text of this chat was erased");
  });

  it("says that the patron's name was erased, to the patron that it was theirs (R20)", () => {
    const erased = create(SessionEventSchema, { time: timestampFromMs(night.getTime()) });
    erased.payload = { case: "identityErased", value: { $typeName: "carrel.session.v1.PatronIdentityErased" } };
    const text = (isPatron: boolean) =>
      transcriptText(session, [message("Where?", evening), erased], { isOwn: () => false, isPatron });
    expect(text(false)).toContain("Patron: Where?");
    expect(text(false)).toContain("The patron's name and e-mail address were erased");
    expect(text(true)).toContain("Your name and e-mail address were erased");
  });

  it("names all who owned the session, in their order, but no librarians without names (D47, D49, R12)", () => {
    const owned = (name: string, librarianId: string, by: "pickedUp" | "transferred") => {
      const event = create(SessionEventSchema, { author: { part: Part.OWNER, name, librarianId } });
      if (by === "pickedUp") event.payload = { case: by, value: { $typeName: "carrel.session.v1.SessionPickedUp" } };
      else event.payload = { case: by, value: { $typeName: "carrel.session.v1.SessionTransferred" } };
      return event;
    };
    const head = (isPatron: boolean, ...events: SessionEvent[]) =>
      transcriptText(session, events, { isOwn: () => false, isPatron })
        .split("\r\n\r\n")[0]
        ?.split("\r\n")[2];
    const [map, key] = [owned("Ms Map", "map", "pickedUp"), owned("Mr Key", "key", "transferred")];
    expect(head(false)).toBeUndefined();
    expect(head(false, map)).toBe("Librarian: Ms Map");
    expect(head(false, map, key)).toBe("Librarians: Ms Map, then Mr Key");
    expect(head(true, owned("Ms Map", "", "pickedUp"), owned("Mr Key", "", "transferred"))).toBe(
      "Librarians: Ms Map, then Mr Key",
    );
    expect(head(true, owned("Librarian", "", "pickedUp"), owned("Librarian", "", "transferred"))).toBeUndefined();
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

  it("says to staff, and to nobody else, what the session was about and what was said before (D65)", () => {
    const set = (position: bigint, codes: string[]) => {
      const author = { part: Part.OWNER, name: "Ms Map", librarianId: "map" };
      const event = create(SessionEventSchema, { position, author, time: timestampFromMs(night.getTime()) });
      const $typeName = "carrel.session.v1.DescriptiveCodesSet" as const;
      event.payload = { case: "descriptiveCodesSet", value: { $typeName, codes } };
      return event;
    };
    const about = create(SessionSchema, { ...session, descriptiveCodes: ["Fines"] });
    const events = [set(4n, ["Maps", "Fines"]), set(5n, []), set(6n, ["Fines"])];
    const told = transcriptText(about, events, { isOwn: () => false, isPatron: false })
      .split("\r\n")
      .filter((line) => /codes|About/.test(line))
      .map((line) => line.replace(/^\[.*?\] /, ""));
    expect(told).toEqual([
      "About (staff only): Fines",
      "Ms Map set the descriptive codes to: Maps, Fines (staff only)",
      "Ms Map corrected the descriptive codes to: none (staff only)",
      "Ms Map corrected the descriptive codes to: Fines (staff only)",
    ]);
    expect(transcriptText(about, [], { isOwn: () => false, isPatron: true })).not.toContain("Fines");
  });

  it("says how the session came out, who said so, and what was said before (R16)", () => {
    const set = (position: bigint, name: string, librarianId: string, resolution: Resolution) => {
      const author = { part: Part.OWNER, name, librarianId };
      const event = create(SessionEventSchema, { position, author, time: timestampFromMs(night.getTime()) });
      event.payload = { case: "resolutionSet", value: { $typeName: "carrel.session.v1.ResolutionSet", resolution } };
      return event;
    };
    const events = [
      set(4n, "Ms Map", "map", Resolution.FOLLOW_UP_BY_ME),
      set(5n, "Mr Quill", "quill", Resolution.LOST_CALL),
      set(6n, "Mr Quill", "quill", Resolution.FOLLOW_UP_BY_ME),
      set(7n, "Mr Quill", "quill", 99 as Resolution),
    ];
    const reader = { isOwn: (event: SessionEvent) => event.author?.librarianId === "map", isPatron: false };
    const told = transcriptText(session, events, reader)
      .split("\r\n")
      .filter((line) => line.includes("resolution"))
      .map((line) => line.replace(/^\[.*?\] /, ""));
    expect(told).toEqual([
      "You set the resolution to: Follow-up by me (staff only)",
      "Mr Quill corrected the resolution to: Lost call (staff only)",
      "Mr Quill corrected the resolution to: Follow-up by Mr Quill (staff only)",
      "Mr Quill corrected the resolution to: Coded in a way that this page does not know (staff only)",
    ]);
  });
});
