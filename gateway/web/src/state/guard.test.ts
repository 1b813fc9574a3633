import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import {
  ColleagueLeftSchema,
  PatronConnectionChangedSchema,
  SessionEscalatedSchema,
  type SessionEvent,
  SessionEventSchema,
  TransferClosedSchema,
  TransferOfferedSchema,
} from "../gen/carrel/session/v1/session_event_pb";
import { PersonSchema } from "../gen/carrel/session/v1/session_pb";
import { noteInDoubt } from "./guard";

const payloads = {
  note: { case: "note", value: { text: "…" } },
  message: { case: "message", value: { text: "…" } },
  page: { case: "page", value: { address: "https://maple.example/", host: "maple.example" } },
  left: { case: "colleagueLeft", value: create(ColleagueLeftSchema) },
  connection: { case: "patronConnection", value: create(PatronConnectionChangedSchema) },
  escalated: { case: "escalated", value: create(SessionEscalatedSchema) },
  offered: { case: "transferOffered", value: create(TransferOfferedSchema) },
  closed: { case: "transferClosed", value: create(TransferClosedSchema) },
  offeredWithWords: {
    case: "transferOffered",
    value: create(TransferOfferedSchema, { offer: { message: "She needs the plat book." } }),
  },
  closedWithWords: { case: "transferClosed", value: create(TransferClosedSchema, { reason: "on the phone" }) },
} as const;

function event(kind: keyof typeof payloads, by: string, time: number, position = 1): SessionEvent {
  const author = create(PersonSchema, { librarianId: by });
  const payload = payloads[kind] as SessionEvent["payload"];
  return Object.assign(
    create(SessionEventSchema, { position: BigInt(position), time: timestampFromMs(time), author }),
    {
      payload,
    },
  );
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
    ["whoever wrote the note has left", event("left", "admin", 500, 2)],
    ["the patron's connection has changed", event("connection", "", 500, 2)],
    ["another queue was reached", event("escalated", "", 500, 2)],
    ["somebody else has declined without a word", event("closed", "lee", 500, 2)],
    ["the user's own offer is over", event("closed", "me", 500, 2)],
  ])("asks also when %s since", (_, since) => {
    expect(noteInDoubt([event("note", "admin", 0), since], isMine, 1_000, 1_000)).toBe(1);
  });

  it.each([
    ["declines with words", "closedWithWords"],
    ["offers with words", "offeredWithWords"],
  ] as const)("asks when somebody else %s, which is drawn as a note (R14)", (_, kind) => {
    expect(noteInDoubt([event("message", "me", 0), event(kind, "lee", 500, 2)], isMine, 1_000, 1_000)).toBe(2);
  });

  it.each([
    ["the note is one's own", [event("note", "me", 0)], 1_000],
    ["the note was answered", [event("note", "admin", 0), event("note", "me", 500, 2)], 1_000],
    ["the note was answered by an offer", [event("note", "admin", 0), event("offered", "me", 500, 2)], 1_000],
    ["something newer was said", [event("note", "admin", 0), event("message", "ricky", 500, 2)], 1_000],
    ["a page was sent since", [event("note", "admin", 0), event("page", "admin", 500, 2)], 1_000],
    ["the note is old", [event("note", "admin", 0)], 31_000],
    [
      "the note is old, and what came after it is not",
      [event("note", "admin", 0), event("left", "admin", 30_500, 2)],
      31_000,
    ],
    ["somebody declined without a word", [event("message", "me", 0), event("closed", "lee", 500, 2)], 1_000],
    ["a colleague's offer came without a word", [event("message", "me", 0), event("offered", "lee", 500, 2)], 1_000],
    ["there is nothing", [], 0],
  ])("does not ask when %s", (_, events, now) => {
    expect(noteInDoubt(events, isMine, now, now)).toBeUndefined();
  });
});
