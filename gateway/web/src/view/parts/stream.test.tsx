import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { render } from "preact";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { RefusalSchema } from "../../gen/carrel/refusal/v1/refusal_pb";
import {
  PatronConnectionChangedSchema,
  SessionEndedSchema,
  SessionEscalatedSchema,
  type SessionEvent,
  SessionEventSchema,
  SessionTransferredSchema,
  TransferClosedSchema,
  TransferOfferedSchema,
  TransferOutcome,
} from "../../gen/carrel/session/v1/session_event_pb";
import {
  EndReason,
  Part,
  PatronConnection,
  PersonSchema,
  TransferOfferSchema,
} from "../../gen/carrel/session/v1/session_pb";
import type { Item } from "../../state/conversation";
import { postMessage } from "../../state/deeds";
import type { Outgoing } from "../../state/session";
import { until } from "../../testing/until";
import { Stream } from "./stream";

let root: HTMLElement;

beforeEach(() => {
  root = document.createElement("div");
  document.body.append(root);
});

afterEach(() => {
  render(null, root);
  root.remove();
});

function event(payload: SessionEvent["payload"], part = Part.OWNER, name = "Ms Map", position = 1): Item {
  const one = create(SessionEventSchema, { position: BigInt(position), author: { part, name } });
  one.payload = payload;
  return { kind: "event", event: one };
}

function note(text: string): SessionEvent["payload"] {
  return { case: "note", value: { $typeName: "carrel.session.v1.NoteWritten", text } };
}

function message(text: string): SessionEvent["payload"] {
  return { case: "message", value: { $typeName: "carrel.session.v1.MessagePosted", text } };
}

/** A message of the patron, written at the given time. */
function at(time: Date, position: number): Item {
  const item = event(message(`message ${position}`), Part.PATRON, "Ricky", position);
  if (item.kind === "event") item.event.time = timestampFromMs(time.getTime());
  return item;
}

function show(items: Item[], isPatron = false, onRetry?: (commandId: string) => void): HTMLElement {
  const reader = { isOwn: () => false, isPatron };
  const retry = onRetry ? { onRetry } : {};
  render(<Stream sessionId="s" items={items} reader={reader} {...retry} />, root);
  return root;
}

describe("the head of what is said", () => {
  it("has its author, the author's library and the time as words of their own (D82)", () => {
    const items = [event(message("One")), event(message("Two"), Part.OWNER, "Ms Map", 2)];
    const time = timestampFromMs(Date.now());
    for (const item of items) {
      if (item.kind !== "event" || item.event.author === undefined) continue;
      item.event.author.institutionName = "Harbor City Library";
      item.event.time = time;
    }
    const heads = [...show(items).querySelectorAll(".message > p:first-child")].map(({ textContent }) => textContent);
    expect(heads).toHaveLength(2);
    for (const head of heads) expect(head).toMatch(/^Ms Map Harbor City Library +\d/);
  });
});

describe("a note in the message area (S25 to S28, D82)", () => {
  it("has the word Note and its sender before its text, and says to whom it goes", () => {
    const item = show([event(note("Try the plat book."), Part.COLLEAGUE, "Maple Admin")]).querySelector(".note");
    expect(item?.textContent?.replace(/\s+/g, " ")).toMatch(/^Note.*staff only.*Maple Admin.*Try the plat book\./);
  });

  it("is drawn otherwise than a message", () => {
    const items = [event(note("one")), event(message("two"), Part.PATRON, "Ricky", 2)];
    const [first, second] = show(items).querySelectorAll("li");
    expect(first?.className).toBe("note");
    expect(second?.className).toContain("message");
  });
});

describe("handing over (R14, R15, D47)", () => {
  const map = { part: Part.OWNER, name: "Ms Map" };
  const plat = create(PersonSchema, { part: Part.OWNER, name: "Mr Plat" });
  const offer = create(TransferOfferSchema, {
    offerId: "o1",
    from: map,
    to: { case: "librarian", value: plat },
    message: "She needs the plat book.",
  });
  const offered = event({ case: "transferOffered", value: create(TransferOfferedSchema, { offer }) });
  const closed = (outcome: TransferOutcome, reason = "") =>
    event(
      { case: "transferClosed", value: create(TransferClosedSchema, { offerId: "o1", outcome, reason }) },
      Part.OWNER,
      "Ms Map",
      2,
    );
  const transferred = event(
    { case: "transferred", value: create(SessionTransferredSchema, { from: map }) },
    Part.OWNER,
    "Mr Plat",
    3,
  );
  const words = (items: Item[], isPatron = false) => show(items, isPatron).textContent?.replace(/\s+/g, " ");

  it("is told to staff as notes: to whom, with what message, and how it ended", () => {
    expect(words([offered])).toMatch(/^Note.*Transfer offered to Mr Plat: She needs the plat book\./);
    expect(words([offered, closed(TransferOutcome.DECLINED, "on the phone")])).toContain(
      "Transfer declined: on the phone",
    );
    expect(words([offered, closed(TransferOutcome.LAPSED)])).toContain("Transfer to Mr Plat lapsed");
    expect(words([offered, closed(TransferOutcome.WITHDRAWN)])).toContain("Transfer to Mr Plat withdrawn");
    expect(show([offered]).querySelector("li")?.className).toBe("note");
  });

  it("takes a line, not a note, where nobody has typed anything: it must not bury the conversation", () => {
    const bare = event({
      case: "transferOffered",
      value: create(TransferOfferedSchema, { offer: { ...offer, message: "" } }),
    });
    const lines = show([bare, closed(TransferOutcome.DECLINED)]);
    expect([...lines.querySelectorAll("li")].map((line) => line.className)).toEqual([
      "fact staff-fact",
      "fact staff-fact",
    ]);
    expect(lines.textContent).toMatch(/Transfer offered to Mr Plat by .+ \(staff only\).*Transfer declined by Ms Map/);
    expect(show([offered, closed(TransferOutcome.DECLINED, "on the phone")]).querySelectorAll("li.note").length).toBe(
      2,
    );
  });

  it("is for the patron nothing but a new librarian", () => {
    expect(words([transferred])).toContain("Mr Plat accepted this patron from Ms Map");
    expect(words([transferred], true)).toMatch(/^Mr Plat is now answering you ?$/);
  });
});

describe("what staff are told of the patron's wait and connection (R8, R17)", () => {
  it("says that only staff see it", () => {
    const lost = create(PatronConnectionChangedSchema, { connection: PatronConnection.LOST });
    const items = [
      event({ case: "patronConnection", value: lost }, Part.PATRON, "Ricky"),
      event({ case: "escalated", value: create(SessionEscalatedSchema, { queueId: "coop" }) }, Part.PATRON, "Ricky", 2),
    ];
    const [first, second] = show(items).querySelectorAll("li");
    expect(first?.textContent).toContain("connection is lost");
    expect(second?.textContent).toContain("Also offered in the queue coop");
    for (const item of [first, second]) expect(item?.textContent).toContain("staff only");
  });
});

describe("the days of a conversation (R24)", () => {
  const days = () => [...root.querySelectorAll("li.day")].map((line) => [line.className, line.textContent]);
  const day = (date: Date) =>
    new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" }).format(date);

  it("stand where the day changes, and at the head of the paper", () => {
    const [late, early] = [new Date(2026, 10, 23, 23, 59), new Date(2026, 10, 24, 0, 1)];
    show([at(late, 1), at(late, 2), at(early, 3)]);
    expect(days()).toEqual([
      ["fact day on-paper", day(late)],
      ["fact day", day(early)],
    ]);
    expect(root.querySelectorAll(".message.goes-on").length).toBe(1);
    expect(root.querySelector(".message time")?.getAttribute("title")).toContain("2026");
  });
});

describe("the end of the stream", () => {
  const messages = (count: number) =>
    Array.from({ length: count }, (_, index) => event(message("x"), Part.PATRON, "Ricky", index + 1));
  let height: number;
  let stream: HTMLElement;

  /** A stream of 1,000 pixels, seen through a window of `height` pixels. */
  beforeEach(() => {
    height = 400;
    show(messages(2));
    stream = root.querySelector(".stream") as HTMLElement;
    Object.defineProperty(stream, "clientHeight", { get: () => height });
    Object.defineProperty(stream, "scrollHeight", { get: () => 1_000 });
    scroll(600);
  });

  function scroll(top: number): void {
    stream.scrollTop = top;
    stream.dispatchEvent(new Event("scroll"));
  }

  const button = () => root.querySelector<HTMLButtonElement>(".to-end");
  const redrawn = () => new Promise((resolve) => setTimeout(resolve, 5));

  it("stays followed when something opens above it and makes it lower", async () => {
    height = 140;
    scroll(600);
    await redrawn();
    expect(button()).toBeNull();
    show(messages(3));
    expect(stream.scrollTop).toBe(1_000);
  });

  it("is left by a reader who scrolls back, who then sees how many are new", async () => {
    scroll(100);
    await until(() => expect(button()?.textContent).toBe("Newest"));
    show(messages(5));
    expect(stream.scrollTop).toBe(100);
    expect(button()?.textContent).toContain("3 new");
  });

  it("takes the focus along to the newest", async () => {
    scroll(100);
    await until(() => expect(button()).not.toBeNull());
    button()?.focus();
    button()?.click();
    await until(() => expect(button()).toBeNull());
    expect(document.activeElement).toBe(stream);
    expect(stream.scrollTop).toBe(1_000);
  });
});

describe("text from other people", () => {
  it("is text, whatever it looks like", () => {
    const text = "<img src=x onerror=alert(1)> & <script>alert(2)</script>";
    const shown = show([event(message(text))]);
    expect(shown.querySelector("img, script")).toBeNull();
    expect(shown.textContent).toContain(text);
  });

  it("has links that open in a tab that learns nothing of this page (R22)", () => {
    const link = show([event(message("see https://example.org/map now"))]).querySelector("a");
    expect(link?.getAttribute("href")).toBe("https://example.org/map");
    expect(link?.getAttribute("rel")).toBe("noopener noreferrer");
    expect(link?.getAttribute("target")).toBe("_blank");
    expect(link?.textContent).toBe("https://example.org/map");
  });
});

describe("the end (D52)", () => {
  const endedFor = (reason: EndReason): SessionEvent["payload"] => ({
    case: "ended",
    value: create(SessionEndedSchema, { reason }),
  });
  const ended = endedFor(EndReason.BY_PARTICIPANT);

  it("says who ended it", () => {
    const pickedUp = event({ case: "pickedUp", value: { $typeName: "carrel.session.v1.SessionPickedUp" } });
    const byPatron = event(ended, Part.PATRON, "Ricky", 2);
    expect(show([pickedUp, byPatron]).textContent).toContain("Patron ended");
    expect(show([event(ended)]).textContent).toContain("Librarian ended: Ms Map");
    expect(show([event(ended)], true).textContent).toContain("Ms Map ended the chat");
  });

  it("says that a patron who waited left the queue", () => {
    expect(show([event(ended, Part.PATRON, "Ricky")]).textContent).toContain("Patron left the queue");
    expect(show([event(ended, Part.PATRON, "Ricky")], true).textContent).toContain("You left the queue");
  });

  it("says that nobody ended a session whose patron did not come back (D53)", () => {
    const abandoned: Item = {
      kind: "event",
      event: create(SessionEventSchema, { position: 1n, payload: endedFor(EndReason.ABANDONED) }),
    };
    expect(show([abandoned]).textContent).toContain("Ended by itself: the patron did not come back");
    expect(show([abandoned], true).textContent).toContain("The chat was ended because you were away for too long");
  });
});

describe("the state of an own message (D60)", () => {
  const outgoing = (change: Partial<Outgoing>): Item => ({
    kind: "outgoing",
    outgoing: {
      commandId: "c1",
      deed: postMessage("hello"),
      status: "sending",
      position: 0,
      after: 0,
      since: 0,
      resendAt: undefined,
      attempts: 1,
      doubts: 0,
      refusal: undefined,
      ...change,
    },
  });

  it("is in words: sending, sent, not sent", () => {
    expect(show([outgoing({})]).textContent).toContain("Sending");
    expect(show([outgoing({ status: "sent" })]).textContent).toContain("Sent");
    const refusal = create(RefusalSchema, { code: 3, message: "It is too long. Shorten it." });
    expect(show([outgoing({ status: "failed", refusal })]).textContent).toContain(
      "Not sent. It is too long. Shorten it.",
    );
  });

  it("offers to change what would only be refused again, and names no field of it (R23)", () => {
    const description = "it contains a hidden control character (U+0007); remove it";
    const refusal = create(RefusalSchema, {
      code: 3,
      message: `text: ${description}`,
      fieldViolations: [{ field: "text", description }],
    });
    const [edit, retry] = [vi.fn(), vi.fn()];
    const item = outgoing({ status: "failed", refusal });
    const reader = { isOwn: () => false, isPatron: true };
    render(<Stream sessionId="s" items={[item]} reader={reader} onRetry={retry} onEdit={edit} />, root);
    expect(root.textContent).toContain("Not sent. It contains a hidden control character");
    expect(root.textContent).not.toContain("text:");
    const buttons = [...root.querySelectorAll("button")];
    expect(buttons.map((button) => button.textContent)).toEqual(["Edit"]);
    buttons[0]?.click();
    expect(edit).toHaveBeenCalledWith(item.kind === "outgoing" && item.outgoing);
  });

  it("says of what may have been sent that nobody knows, and leaves it to the user what becomes of it", () => {
    const refusal = create(RefusalSchema, { code: 13, reason: "LOG_REFUSED", message: "The log could not take this." });
    const item = outgoing({ status: "failed", refusal });
    const reader = { isOwn: () => false, isPatron: true };
    const nothing = () => {};
    render(
      <Stream sessionId="s" items={[item]} reader={reader} onRetry={nothing} onEdit={nothing} onDiscard={nothing} />,
      root,
    );
    expect(root.textContent).toContain("May not have been sent. The log could not take this.");
    const buttons = [...root.querySelectorAll("button")];
    expect(buttons.map((button) => button.textContent)).toEqual(["Retry", "Edit", "Discard"]);
  });

  it("offers to try again", () => {
    const retry = vi.fn();
    const button = show([outgoing({ status: "failed" })], false, retry).querySelector("button");
    expect(button?.textContent).toBe("Retry");
    button?.click();
    expect(retry).toHaveBeenCalledWith("c1");
  });

  it.each(["Retry", "Discard"])("keeps the focus in the conversation when %s takes its button away (D82)", (word) => {
    const reader = { isOwn: () => false, isPatron: false };
    const done = vi.fn();
    const failed = [outgoing({ status: "failed" })];
    render(<Stream sessionId="s" items={failed} reader={reader} onRetry={done} onDiscard={done} />, root);
    const button = [...root.querySelectorAll("button")].find(({ textContent }) => textContent === word);
    button?.focus();
    button?.click();
    expect(done).toHaveBeenCalledWith("c1");
    expect(document.activeElement).toBe(root.querySelector("[role=log]"));
  });
});
