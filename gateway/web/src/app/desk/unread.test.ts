import { create } from "@bufbuild/protobuf";
import { signal } from "@preact/signals";
import { beforeEach, describe, expect, it } from "vitest";
import { type SessionEvent, SessionEventSchema } from "../../gen/carrel/session/v1/session_event_pb";
import { Part, SessionSchema, SessionState } from "../../gen/carrel/session/v1/session_pb";
import { reduceSession, type SessionInput, type SessionView, unknownSession } from "../../state/session";
import { Unread } from "./unread";

/** Sessions as a page holds them, without a connection. */
class HeldSessions {
  readonly sessions = signal<ReadonlyMap<string, SessionView>>(new Map());

  /** Holds a session in which these events have happened, by author. */
  hold(sessionId: string, part: Part, authors: readonly string[], state = SessionState.ACTIVE): void {
    const view = unknownSession(sessionId);
    this.#put({ ...view, part, session: create(SessionSchema, { state }), events: authors.map(messageBy) });
  }

  view(sessionId: string): SessionView {
    const view = this.sessions.value.get(sessionId);
    if (view === undefined) throw new Error(`${sessionId} is not held.`);
    return view;
  }

  input(sessionId: string, input: SessionInput): void {
    this.#put(reduceSession(this.view(sessionId), input, 0)[0]);
  }

  #put(view: SessionView): void {
    this.sessions.value = new Map([...this.sessions.value, [view.sessionId, view]]);
  }
}

function messageBy(librarianId: string, index: number): SessionEvent {
  const payload = { case: "message" as const, value: { text: "Hello" } };
  return create(SessionEventSchema, { position: BigInt(index + 1), author: { librarianId }, payload });
}

let held: HeldSessions;
let unread: Unread;

beforeEach(() => {
  held = new HeldSessions();
  unread = new Unread(held, (event) => event.author?.librarianId === "map");
});

describe("what a librarian has not seen of their sessions (D62)", () => {
  it("is counted per session, without what they wrote themselves", () => {
    held.hold("s", Part.OWNER, ["", "map", ""]);
    held.hold("t", Part.OWNER, ["map"]);
    expect(unread.countIn(held.view("s"))).toBe(2);
    expect(unread.countIn(held.view("t"))).toBe(0);
    expect(unread.sessions.value.map(({ sessionId }) => sessionId)).toEqual(["s"]);
  });

  it("is marked at the list in which the session is: All while a colleague has it, My Active otherwise", () => {
    held.hold("s", Part.OWNER, [""]);
    held.hold("t", Part.COLLEAGUE, [""]);
    held.hold("u", Part.COLLEAGUE, [""], SessionState.ENDED);
    expect([unread.inAll.value, unread.inMyActive.value]).toEqual([1, 2]);
  });

  it("is nothing once they have looked, until there is more; a second look changes nothing", () => {
    held.hold("s", Part.OWNER, ["", ""]);
    expect(unread.see(held.view("s"))).toBe(true);
    expect([unread.sessions.value, unread.stored]).toEqual([[], { s: 2 }]);
    expect(unread.see(held.view("s"))).toBe(false);
    held.input("s", { kind: "event", event: messageBy("", 2) });
    expect(unread.countIn(held.view("s"))).toBe(1);
  });
});
