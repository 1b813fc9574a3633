import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import type { ClientFrame, ServerFrame } from "../gen/carrel/gateway/v1/frames_pb";
import { RefusalSchema } from "../gen/carrel/refusal/v1/refusal_pb";
import type { SessionEvent } from "../gen/carrel/session/v1/session_event_pb";
import { Part } from "../gen/carrel/session/v1/session_pb";
import { generator } from "../testing/generator";
import { LogServer, serverFrame } from "../testing/log_server";
import { conversation, outgoingText } from "./conversation";
import { postMessage } from "./deeds";
import type { SessionInput, SessionView } from "./session";
import { reduceSessions, type Sessions, toAll, toSession } from "./sessions";

const ID = "0123456789abcdef0123456789abcdef";
const isOwn = (event: SessionEvent) => event.author?.part === Part.PATRON;

/** A page and its server, with a connection between them that the test controls. */
class Page {
  sessions: Sessions = new Map();
  readonly server = new LogServer(ID, { part: Part.PATRON, name: "Ricky" });
  toServer: ClientFrame[] = [];
  toPage: ServerFrame[] = [];
  connected = true;
  now = 1_000;

  get view(): SessionView {
    const view = this.sessions.get(ID);
    if (view === undefined) throw new Error("the page holds no session");
    return view;
  }

  /** The texts that are shown, in order. */
  get shown(): string[] {
    return conversation(this.view, isOwn).map((item) =>
      item.kind === "event" ? textOf(item.event) : (outgoingText(item.outgoing) ?? ""),
    );
  }

  input(input: SessionInput): void {
    this.#apply(toSession(this.sessions, ID, input, this.now));
  }

  say(commandId: string, text: string): void {
    this.input({ kind: "send", commandId, deed: postMessage(text) });
  }

  disconnect(): void {
    this.connected = false;
    this.toServer = [];
    this.toPage = [];
    this.#apply(toAll(this.sessions, { kind: "disconnected" }, this.now));
  }

  connect(): void {
    this.connected = true;
    this.#apply(toAll(this.sessions, { kind: "connected" }, this.now));
  }

  serve(): void {
    const frame = this.toServer.shift();
    if (frame !== undefined) this.toPage.push(...this.server.handle(frame));
  }

  receive(): void {
    const frame = this.toPage.shift();
    if (frame !== undefined) this.#apply(reduceSessions(this.sessions, frame, this.now));
  }

  /** The librarian writes; the message is delivered if the page is connected. */
  librarian(text: string): void {
    const event = this.server.append(Part.OWNER, "Ms Map", message(text));
    if (this.connected) this.toPage.push(this.server.eventFrame(event));
  }

  settle(): void {
    for (let count = 0; count < 1_000 && (this.toServer.length > 0 || this.toPage.length > 0); count += 1) {
      this.serve();
      while (this.toPage.length > 0) this.receive();
    }
  }

  /** Lets seconds pass, in which everything that is sent arrives. */
  pass(seconds: number): void {
    for (let second = 0; second < seconds; second += 1) {
      this.now += 1_000;
      this.input({ kind: "tick" });
      this.settle();
    }
  }

  #apply([sessions, frames]: ReturnType<typeof toAll>): void {
    this.sessions = sessions;
    if (this.connected) this.toServer.push(...frames);
  }
}

function message(text: string): SessionEvent["payload"] {
  return { case: "message", value: { $typeName: "carrel.session.v1.MessagePosted", text } };
}

function textOf(event: SessionEvent): string {
  return event.payload.case === "message" ? event.payload.value.text : "";
}

function attended(): Page {
  const page = new Page();
  page.input({ kind: "attend" });
  page.settle();
  return page;
}

describe("events by position (I4, I5)", () => {
  it("shows history, then what comes", () => {
    const page = new Page();
    page.librarian("one");
    page.toPage = [];
    page.input({ kind: "attend" });
    page.settle();
    page.librarian("two");
    page.settle();
    expect(page.shown).toEqual(["one", "two"]);
    expect(page.view.history).toBe(1);
  });

  it("passes over a repeat", () => {
    const page = attended();
    page.librarian("one");
    const [event] = page.server.events;
    if (event) page.toPage.push(page.server.eventFrame(event));
    page.settle();
    expect(page.shown).toEqual(["one"]);
  });

  it("fills a gap by attending again from its last position", () => {
    const page = attended();
    page.librarian("one");
    page.settle();
    page.librarian("lost");
    page.toPage = [];
    page.librarian("three");
    page.receive();
    const frame = page.toServer[0]?.frame;
    expect(frame?.case === "attend" && frame.value.after?.number).toBe(1n);
    page.settle();
    expect(page.shown).toEqual(["one", "lost", "three"]);
  });

  it("learns of a lost last event from the head", () => {
    const page = attended();
    page.librarian("lost");
    page.toPage = [page.server.headFrame()];
    page.settle();
    expect(page.shown).toEqual(["lost"]);
  });

  it("throws everything away when the history is another one", () => {
    const page = attended();
    for (const text of ["one", "two", "three"]) page.librarian(text);
    page.settle();
    page.disconnect();
    page.server.restore(1);
    page.connect();
    page.settle();
    expect(page.shown).toEqual(["one"]);
  });

  it("forgets what was erased while the page was there, and goes on after it (R20)", () => {
    const page = attended();
    for (const text of ["one", "two"]) page.librarian(text);
    page.settle();
    const before = page.view.session;
    page.toPage.push(page.server.eventFrame(page.server.erase()));
    page.settle();
    expect(page.view.session, "another object, or what shows it is not drawn again").not.toBe(before);
    expect(page.shown).toEqual([""]);
    expect(JSON.stringify(page.view.events.map(textOf))).not.toContain("one");
    page.librarian("three");
    page.settle();
    expect(page.shown).toEqual(["", "three"]);
    expect(page.toServer).toEqual([]);
  });

  it.each([0, 1, 2, 3])(
    "takes what was erased for gone when it had %i of 3 events, without asking again (R20)",
    (had) => {
      const page = attended();
      for (const text of ["one", "two", "three"].slice(0, had)) page.librarian(text);
      page.settle();
      page.disconnect();
      for (const text of ["one", "two", "three"].slice(had)) page.librarian(text);
      page.server.erase();
      page.connect();
      page.settle();
      expect(page.shown).toEqual([""]);
      expect(page.view.events.map(({ position }) => Number(position))).toEqual([1, 2, 3, 4]);
      expect(page.view.events.map(textOf).join("")).toBe("");
      page.input({ kind: "head", number: 4 });
      expect(page.toServer).toEqual([]);
    },
  );

  it("begins with what is left of an erased session that it never saw (R20)", () => {
    const page = new Page();
    for (const text of ["one", "two"]) page.librarian(text);
    page.server.erase();
    page.toPage = [];
    page.input({ kind: "attend" });
    page.settle();
    expect(page.shown).toEqual([""]);
    expect(page.view.events.length).toBe(3);
  });

  it.each([
    ["while the page is there", true],
    ["before the page comes back", false],
  ])("forgets who the patron is when that is erased %s, and keeps what was said (R20)", (_, isThere) => {
    const page = attended();
    page.say("a1", "one");
    page.settle();
    page.librarian("two");
    page.settle();
    expect(page.view.events.map(({ author }) => author?.name)).toContain("Ricky");
    if (!isThere) page.disconnect();
    const erased = page.server.eraseIdentity();
    if (isThere) page.toPage.push(page.server.eventFrame(erased));
    else page.connect();
    page.settle();
    expect(page.view.events).toHaveLength(3);
    expect(page.view.events.map(({ author }) => author?.name)).not.toContain("Ricky");
    expect(page.view.session?.patronName ?? "").toBe("");
    expect(page.shown).toEqual(["one", "two", ""]);
    expect(page.toServer).toEqual([]);
  });

  it("drops frames of sessions that it does not hold", () => {
    const page = attended();
    const before = page.sessions;
    const [after] = reduceSessions(
      before,
      serverFrame({ case: "head", value: { $typeName: "carrel.gateway.v1.Head", sessionId: "other", number: 9n } }),
      0,
    );
    expect(after).toBe(before);
  });
});

describe("own messages (I2, D60)", () => {
  it("shows a message at once, and once only when its event comes before the answer", () => {
    const page = attended();
    page.say("c1", "hello");
    expect(page.shown).toEqual(["hello"]);
    page.serve();
    page.receive();
    expect(page.shown).toEqual(["hello"]);
    page.receive();
    expect(page.shown).toEqual(["hello"]);
    expect(page.view.outgoing).toEqual([]);
  });

  it("shows it once when the answer comes before the event", () => {
    const page = attended();
    page.say("c1", "hello");
    page.serve();
    page.toPage.reverse();
    page.receive();
    expect(page.view.outgoing[0]?.status).toBe("sent");
    expect(page.shown).toEqual(["hello"]);
    page.receive();
    expect(page.shown).toEqual(["hello"]);
  });

  it("sends the same command again when the answer was lost", () => {
    const page = attended();
    page.say("c1", "hello");
    page.serve();
    page.disconnect();
    page.connect();
    page.settle();
    expect(page.server.events).toHaveLength(1);
    expect(page.shown).toEqual(["hello"]);
    expect(page.view.outgoing).toEqual([]);
  });

  it("keeps two equal messages apart", () => {
    const page = attended();
    page.say("c1", "yes");
    page.say("c2", "yes");
    page.serve();
    page.receive();
    expect(page.shown).toEqual(["yes", "yes"]);
    page.settle();
    expect(page.shown).toEqual(["yes", "yes"]);
  });

  it("fails for a reason, and can be sent again or given up", () => {
    const page = attended();
    page.say("c1", "too long");
    page.toServer = [];
    const refusal = create(RefusalSchema, { code: 3, reason: "TOO_LONG", message: "Shorten it." });
    page.input({ kind: "refused", commandId: "c1", refusal });
    expect(page.view.outgoing[0]).toMatchObject({ status: "failed", refusal: { reason: "TOO_LONG" } });
    page.input({ kind: "retry", commandId: "c1" });
    expect(page.view.outgoing[0]?.status).toBe("sending");
    page.settle();
    expect(page.shown).toEqual(["too long"]);
    page.say("c2", "no");
    page.toServer = [];
    page.input({ kind: "refused", commandId: "c2", refusal });
    page.input({ kind: "discard", commandId: "c2" });
    expect(page.shown).toEqual(["too long"]);
  });

  it("tries again by itself when the outcome is unknown", () => {
    const page = attended();
    page.say("c1", "hello");
    page.toServer = [];
    const refusal = create(RefusalSchema, { code: 14, reason: "LOG_UNAVAILABLE", retryAfterMs: 500 });
    page.input({ kind: "refused", commandId: "c1", refusal });
    expect(page.view.outgoing[0]?.status).toBe("sending");
    page.input({ kind: "tick" });
    expect(page.toServer).toEqual([]);
    page.now += 600;
    page.input({ kind: "tick" });
    page.settle();
    expect(page.shown).toEqual(["hello"]);
    expect(page.view.outgoing).toEqual([]);
  });

  it.each(["done", "not done"] as const)("keeps the order behind what was left open and %s (I5)", (open) => {
    const page = attended();
    page.server.open = open;
    for (const text of ["one", "two", "three"]) page.say(text, text);
    while (page.toServer.length > 0) page.serve();
    page.say("four", "four");
    while (page.toPage.length > 0) page.receive();
    page.say("five", "five");
    // Nothing is sent before the session is attended again; then everything is.
    page.pass(3);
    expect(page.server.events.map(textOf)).toEqual(["one", "two", "three", "four", "five"]);
    expect(page.view.outgoing).toEqual([]);
  });

  it("ends what the log refuses for good, as of unknown outcome, and lets what came after it go (I5, D60)", () => {
    const page = attended();
    page.server.refuses = "two";
    for (const text of ["one", "two", "three"]) page.say(text, text);
    page.settle();
    page.say("four", "four");
    // The cause may pass: until the user is told, nothing overtakes it.
    expect(page.view.outgoing.map(({ status }) => status)).toEqual(["sending", "sending", "sending"]);
    expect(page.server.events.map(textOf)).toEqual(["one"]);
    page.pass(15);
    expect(page.server.events.map(textOf)).toEqual(["one", "three", "four"]);
    expect(page.view.outgoing).toMatchObject([{ status: "failed", refusal: { reason: "LOG_REFUSED" } }]);
    expect(page.toServer).toEqual([]);
    // A retry that is in vain fails at once, and nothing after it is refused along with it.
    page.input({ kind: "retry", commandId: "two" });
    page.say("five", "five");
    page.settle();
    expect(page.view.outgoing.map(({ status }) => status)).toEqual(["failed", "sending"]);
    page.pass(5);
    expect(page.server.events.map(textOf)).toEqual(["one", "three", "four", "five"]);
    page.server.refuses = undefined;
    page.input({ kind: "retry", commandId: "two" });
    page.settle();
    expect(page.server.events.map(textOf)).toEqual(["one", "three", "four", "five", "two"]);
    expect(page.view.outgoing).toEqual([]);
  });

  it("goes on trying what may pass, however often it was refused", () => {
    const page = attended();
    page.say("c1", "hello");
    const refusal = create(RefusalSchema, { code: 14, reason: "LOG_UNAVAILABLE" });
    for (let count = 0; count < 20; count += 1) {
      page.toServer = [];
      page.input({ kind: "refused", commandId: "c1", refusal });
      page.now += 15_000;
      page.input({ kind: "tick" });
    }
    page.settle();
    expect(page.shown).toEqual(["hello"]);
    expect(page.view.outgoing).toEqual([]);
  });

  it("says again what was committed to a history that is gone", () => {
    const page = attended();
    page.say("c1", "hello");
    page.serve();
    page.toPage.reverse();
    page.receive();
    page.disconnect();
    page.server.restore(0);
    page.connect();
    page.settle();
    expect(page.shown).toEqual(["hello"]);
  });
});

describe("being sent away", () => {
  it("attends again after a passing refusal, and not after a final one", () => {
    const page = attended();
    page.input({ kind: "detached", refusal: create(RefusalSchema, { code: 8, reason: "TOO_SLOW" }) });
    page.now += 2_000;
    page.input({ kind: "tick" });
    expect(page.toServer.map(({ frame }) => frame.case)).toEqual(["attend"]);
    page.input({ kind: "detached", refusal: create(RefusalSchema, { code: 9, reason: "NOT_INSIDE" }) });
    page.toServer = [];
    page.now += 60_000;
    page.input({ kind: "tick" });
    expect(page.toServer).toEqual([]);
    expect(page.view.wanted).toBe(false);
  });
});

describe("a session that cannot be read", () => {
  it("says why, and is tried again at leisure until it can (D60)", () => {
    const page = attended();
    const damaged = create(RefusalSchema, { code: 15, reason: "LOG_DAMAGED", message: "It can't be read." });
    page.input({ kind: "detached", refusal: damaged });
    expect(page.view).toMatchObject({ wanted: true, trouble: { reason: "LOG_DAMAGED" } });
    page.now += 10_000;
    page.input({ kind: "tick" });
    expect(page.toServer).toEqual([]);
    page.pass(5);
    expect(page.view.attendance).toBe("on");
    expect(page.view.trouble).toBeUndefined();
  });
});

describe("any order of losses, repeats and reconnects", () => {
  it("shows the log, each thing once (I2, I4, I5)", () => {
    for (let seed = 1; seed <= 250; seed += 1) {
      const random = generator(seed);
      const page = attended();
      let said = 0;
      for (let count = 0; count < 80; count += 1) {
        page.now += Math.floor(random() * 1_500);
        disturb(page, random, () => {
          said += 1;
          return `r${seed}-${said}`;
        });
        const own = page.shown.filter((text) => text.startsWith("r"));
        expect(new Set(own).size, `seed ${seed}: nothing is shown twice`).toBe(own.length);
        expect(own.length, `seed ${seed}: nothing that was said is hidden`).toBe(said);
      }
      if (!page.connected) page.connect();
      page.settle();
      // Twice the longest wait.
      for (let second = 0; second < 30 && page.view.outgoing.length > 0; second += 1) {
        page.now += 1_000;
        page.input({ kind: "tick" });
        page.settle();
      }
      page.toPage.push(page.server.headFrame());
      page.settle();
      expect(page.shown, `seed ${seed}`).toEqual(page.server.events.map(textOf));
      expect(page.view.outgoing, `seed ${seed}`).toEqual([]);
      const own = page.server.events.filter(isOwn).map(textOf);
      expect(own, `seed ${seed}: in the order said`).toEqual(own.map((_, count) => `r${seed}-${count + 1}`));
      expect(said).toBe(own.length);
    }
  });
});

/** Does one random thing that can happen between a page and its server. */
function disturb(page: Page, random: () => number, next: () => string): void {
  const dice = Math.floor(random() * 11);
  if (dice === 10) page.server.open = random() < 0.5 ? "done" : "not done";
  else if (dice < 2) {
    const id = next();
    page.say(id, id);
  } else if (dice < 4) page.serve();
  else if (dice < 6) page.receive();
  else if (dice === 6) page.librarian(`m${page.server.events.length}`);
  else if (dice === 7) page.input({ kind: "tick" });
  else if (dice === 8) {
    if (page.connected) page.disconnect();
    else page.connect();
  } else if (page.toPage.length > 0 && random() < 0.3) {
    const again = page.toPage[0];
    // The start of a stream is delivered once; everything else may be repeated.
    if (again !== undefined && again.frame.case !== "attending") page.toPage.push(again);
  }
}
