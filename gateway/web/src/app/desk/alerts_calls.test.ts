import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { type SessionEvent, SessionEventSchema } from "../../gen/carrel/session/v1/session_event_pb";
import { Part, PatronConnection, TransferOfferSchema } from "../../gen/carrel/session/v1/session_pb";
import {
  SessionList,
  type SessionRow,
  SessionRowSchema,
  WatchSessionsResponseSchema,
} from "../../gen/carrel/session/v1/session_service_pb";
import { type Lists, noLists, reduceLists } from "../../state/lists";
import { callsFor, sessionCall } from "./alerts_calls";

function row(sessionId: string, list = SessionList.NEW, offerId = ""): SessionRow {
  return create(SessionRowSchema, {
    list,
    sessionId,
    institutionName: "Maple Library",
    patronName: "Ricky",
    question: "Where is the plat book?",
    ...(offerId === "" ? {} : { transferOffer: create(TransferOfferSchema, { offerId, from: { name: "Ms Map" } }) }),
  });
}

function snapshot(lists: Lists, ...rows: SessionRow[]): Lists {
  return reduceLists(lists, create(WatchSessionsResponseSchema, { change: { case: "snapshot", value: { rows } } }), 0);
}

function changed(lists: Lists, value: SessionRow): Lists {
  return reduceLists(lists, create(WatchSessionsResponseSchema, { change: { case: "changed", value } }), 0);
}

const kinds = (before: Lists, after: Lists) => callsFor(before, after).map((call) => call.kind);

describe("what a librarian is called for (D32)", () => {
  it("is each patron once, and not those who waited when the desk was opened", () => {
    const opened = snapshot(noLists, row("a"));
    expect(kinds(noLists, opened)).toEqual([]);
    const more = changed(opened, row("b"));
    expect(kinds(opened, more)).toEqual(["patron"]);
    expect(kinds(more, changed(more, row("b")))).toEqual([]);
  });

  it("is a patron who came while the connection was lost", () => {
    const before = snapshot(noLists, row("a"));
    expect(kinds(before, snapshot(before, row("a"), row("b")))).toEqual(["patron"]);
  });

  it("is no patron whose connection is lost, until they are back (R8)", () => {
    const waits = { ...row("a"), patronConnection: PatronConnection.CONNECTED };
    const lost = { ...row("a"), patronConnection: PatronConnection.LOST };
    const before = snapshot(noLists);
    const after = changed(before, waits);
    const gone = changed(after, lost);
    expect([kinds(before, after), kinds(after, gone)]).toEqual([["patron"], []]);
    expect(kinds(gone, changed(gone, waits))).toEqual(["patron"]);
    // As for a librarian who has just added a queue in which they wait.
    expect(kinds(before, changed(before, lost))).toEqual([]);
  });

  it("is each offer, another one of the same session too, and not the user's own sessions", () => {
    const before = snapshot(noLists, row("x", SessionList.MY_ACTIVE));
    const offered = changed(before, row("s", SessionList.OFFERED, "o1"));
    expect(kinds(before, offered)).toEqual(["transfer"]);
    expect(kinds(offered, changed(offered, row("s", SessionList.OFFERED, "o2")))).toEqual(["transfer"]);
    expect(kinds(offered, changed(offered, row("y", SessionList.MY_ACTIVE)))).toEqual([]);
  });

  it("says nothing outside of the page that a patron gave", () => {
    const before = snapshot(noLists);
    const after = changed(changed(before, row("a")), row("s", SessionList.OFFERED, "o1"));
    for (const { text } of callsFor(before, after)) {
      expect(text).not.toContain("Ricky");
      expect(text).not.toContain("plat book");
    }
  });
});

describe("for what in a session a librarian is called (D32)", () => {
  const written = {
    case: "message",
    value: { $typeName: "carrel.session.v1.MessagePosted", text: "plat book" },
  } as const;

  function event(payload: SessionEvent["payload"], part: Part, name: string): SessionEvent {
    return Object.assign(create(SessionEventSchema, { author: { part, name } }), { payload });
  }

  it("is what was said, and what merely happened is not", () => {
    expect(sessionCall(event(written, Part.PATRON, "Ricky"), "Maple Library")).toBe(
      "A patron of Maple Library has written",
    );
    const left = { case: "colleagueLeft", value: { $typeName: "carrel.session.v1.ColleagueLeft" } } as const;
    expect(sessionCall(event(left, Part.COLLEAGUE, "Mr Quill"), "Maple Library")).toBeUndefined();
  });

  it("says nothing outside of the page that a patron gave", () => {
    for (const part of [Part.PATRON, Part.COLLEAGUE]) {
      const text = sessionCall(event(written, part, part === Part.PATRON ? "Ricky" : "Mr Quill"), "Maple Library");
      expect(text).not.toContain("Ricky");
      expect(text).not.toContain("plat book");
    }
  });
});
