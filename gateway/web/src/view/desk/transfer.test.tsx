import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { render } from "preact";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Desk } from "../../app/desk/desk";
import { Role } from "../../gen/carrel/directory/v1/directory_service_pb";
import {
  AcceptedSchema,
  type Act,
  AttendingSchema,
  DetachedSchema,
  ImSentSchema,
  RefusedSchema,
  SessionEventSchema as SessionEventFrameSchema,
  SomebodyTypingSchema,
} from "../../gen/carrel/gateway/v1/frames_pb";
import { MessageSchema, WatchConversationsResponseSchema } from "../../gen/carrel/im/v1/im_service_pb";
import { OwnPresenceSchema, Status, WatchDeskResponseSchema } from "../../gen/carrel/presence/v1/presence_service_pb";
import {
  type SessionEvent,
  SessionEventSchema,
  SessionTransferredSchema,
  TransferClosedSchema,
  TransferOfferedSchema,
  TransferOutcome,
} from "../../gen/carrel/session/v1/session_event_pb";
import { Part, PatronConnection, SessionState } from "../../gen/carrel/session/v1/session_pb";
import { JoinedSchema, SessionList, WatchSessionsResponseSchema } from "../../gen/carrel/session/v1/session_service_pb";
import { FakeSocket } from "../../testing/gateway";
import { until } from "../../testing/until";
import { DeskPage } from "./desk_page";

const MAP = { part: Part.OWNER, name: "Ms Map", librarianId: "map" };
const QUILL = { part: Part.OWNER, name: "Mr Quill", librarianId: "quill" };
const ROW = {
  sessionId: "s",
  institutionName: "Maple Library",
  patronName: "Ricky",
  question: "Where is the plat book?",
};

let root: HTMLElement;
let socket: FakeSocket;
let position: bigint;

/** Waits until the page has drawn what it knows and run its effects. */
const drawn = () => new Promise<void>((resolve) => requestAnimationFrame(() => setTimeout(resolve)));

beforeEach(async () => {
  vi.stubGlobal("WebSocket", FakeSocket);
  HTMLDialogElement.prototype.showModal ??= () => {};
  position = 0n;
  FakeSocket.profile = {
    librarianId: "map",
    screenName: "Ms Map",
    role: Role.ASK_ADMINISTRATOR,
    queues: [{ queueId: "main", name: "Main" }],
    conferenceWarning: { version: "1", text: "You will be silent." },
  };
  const token = { accessToken: "t", expiresAt: Date.now() + 900_000, renewUntil: Date.now() + 900_000 };
  sessionStorage.setItem("carrel.desk", JSON.stringify({ token, queueIds: ["main"], seen: {}, held: [] }));
  root = document.createElement("div");
  document.body.append(root);
  const desk = new Desk();
  render(<DeskPage desk={desk} />, root);
  desk.begin();
  socket = FakeSocket.last as FakeSocket;
  greet();
  await drawn();
});

afterEach(() => {
  render(null, root);
  root.remove();
  sessionStorage.clear();
  vi.unstubAllGlobals();
});

/** The gateway welcomes the page and sends the state of the desk. */
function greet(): void {
  socket.open();
  const own = { queueIds: ["main"], status: Status.AVAILABLE, monitors: 1 };
  socket.push({ case: "ownPresence", value: create(OwnPresenceSchema, own) });
  const quill = {
    librarianId: "quill",
    screenName: "Mr Quill",
    institutionName: "Harbor City Library",
    status: Status.BUSY,
    activeCount: 2,
    sharedQueueIds: ["main"],
    introduction: "i-quill",
  };
  const librarians = [quill, { librarianId: "far", screenName: "Far Away", introduction: "i-far" }];
  const change = { case: "snapshot" as const, value: { librarians } };
  socket.push({ case: "desk", value: create(WatchDeskResponseSchema, { change }) });
}

type Row = NonNullable<Parameters<typeof create<typeof WatchSessionsResponseSchema>>[1]>["change"];

function lists(change: NonNullable<Row>): void {
  socket.push({ case: "lists", value: create(WatchSessionsResponseSchema, { change }) });
}

/** The user owns the session, which is shown. */
async function inSession(): Promise<void> {
  lists({ case: "snapshot", value: { rows: [{ ...ROW, list: SessionList.MY_ACTIVE, owner: MAP }] } });
  attending(Part.OWNER);
  await drawn();
  find("[role=tab]", /^My Active/)?.click();
  await drawn();
  await click(/^Open the session with Ricky/);
}

function attending(part: Part): void {
  const session = { ...ROW, state: SessionState.ACTIVE, owner: MAP, patronConnection: PatronConnection.CONNECTED };
  const joined = create(JoinedSchema, { session, head: { epoch: "1", number: position }, part });
  socket.push({ case: "attending", value: create(AttendingSchema, { sessionId: "s", joined }) });
}

function event(payload: SessionEvent["payload"], author = MAP): void {
  position += 1n;
  const one = create(SessionEventSchema, { position, author });
  one.payload = payload;
  socket.push({ case: "event", value: create(SessionEventFrameSchema, { sessionId: "s", event: one }) });
}

/** An offer that is made now. */
const offer = () => ({
  offerId: "o1",
  from: MAP,
  to: { case: "librarian" as const, value: QUILL },
  lapseTime: timestampFromMs(Date.now() + 60_000),
});

/** Another librarian's session is offered to the user. */
async function offered(): Promise<void> {
  const mine = { ...offer(), from: QUILL, to: { case: "librarian" as const, value: MAP }, message: "She knows maps." };
  lists({ case: "snapshot", value: { rows: [] } });
  lists({ case: "changed", value: { ...ROW, list: SessionList.OFFERED, owner: QUILL, transferOffer: mine } });
  await drawn();
}

function find(selector: string, text: string | RegExp): HTMLElement | undefined {
  return [...root.querySelectorAll<HTMLElement>(selector)].find((element) =>
    (element.getAttribute("aria-label") ?? element.textContent ?? "").trim().match(text),
  );
}

async function click(name: string | RegExp): Promise<void> {
  const button = find("button", name);
  if (button === undefined) throw new Error(`There is no button ${name}.`);
  button.click();
  await drawn();
}

async function write(id: string, text: string): Promise<void> {
  const field = document.getElementById(id) as HTMLInputElement;
  field.value = text;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  await drawn();
}

function submit(id: string): void {
  document
    .getElementById(id)
    ?.closest("form")
    ?.dispatchEvent(new Event("submit", { bubbles: true, cancelable: true }));
}

/** The acts of one kind that the page has sent. */
function acts<Case extends Act["act"]["case"]>(kind: Case): Act[] {
  return socket.all("act").filter(({ act }) => act.case === kind);
}

async function openDialog(): Promise<void> {
  await inSession();
  await click(/^Transfer …$/);
  root.querySelector<HTMLInputElement>("input[name=transfer-to]")?.click();
  await drawn();
}

describe("offering a session (R15, D43)", () => {
  it("lists those who share a queue with what they do, and queues; and nobody else", async () => {
    await openDialog();
    const targets = [...root.querySelectorAll(".target")].map((target) => target.textContent);
    expect(targets).toHaveLength(2);
    expect(targets[0]).toContain("Mr Quill");
    expect(targets[0]).toContain("Busy · 2 active");
    expect(targets[1]).toContain("Queue Main");
  });

  it("does not count the user among those who could accept, and warns of a queue with nobody else", async () => {
    await openDialog();
    const queue = (librarians: number) => {
      const change = { case: "queue", value: { queueId: "main", open: true, librarians, staffed: true } } as const;
      socket.push({ case: "desk", value: create(WatchDeskResponseSchema, { change }) });
      return drawn();
    };
    await queue(1);
    expect(find(".target", /Queue Main/)?.textContent).toContain("Nobody but you");
    find(".target", /Queue Main/)
      ?.querySelector("input")
      ?.click();
    await drawn();
    expect(find(".notice.warn", /./)?.textContent).toContain("Nobody else monitors this queue now.");
    await queue(2);
    expect(find(".target", /Queue Main/)?.textContent).toContain("1 librarian");
    expect(find(".notice.warn", /./)).toBeUndefined();
  });

  it("offers to whom was chosen, by their introduction, with the message", async () => {
    await openDialog();
    await write("transfer-message", " She needs the plat book. ");
    submit("transfer-message");
    await drawn();
    const value = { to: { case: "introduction", value: "i-quill" }, message: "She needs the plat book." };
    expect(acts("offerTransfer")[0]?.act.value).toMatchObject(value);
    event({ case: "transferOffered", value: create(TransferOfferedSchema, { offer: offer() }) });
    await drawn();
    // The page's clock is up to a second behind, and drawing may take a while.
    expect(find(".offer-banner", /Offered to Mr Quill/)?.textContent).toMatch(/lapses in (1:0[01]|0:[45]\d)/);
    await click(/^Withdraw$/);
    expect(acts("withdrawTransfer")[0]?.act.value).toMatchObject({ offerId: "o1" });
  });

  it("takes the focus back to the patron's box when the offer is over, and leaves it where it is otherwise (D82)", async () => {
    await inSession();
    const over = create(TransferClosedSchema, { offerId: "o1", outcome: TransferOutcome.WITHDRAWN });
    for (const [from, to] of [
      [() => find("button", /^Withdraw$/), "patron-box"],
      [() => document.getElementById("note-box"), "note-box"],
    ] as const) {
      event({ case: "transferOffered", value: create(TransferOfferedSchema, { offer: offer() }) });
      await drawn();
      from()?.focus();
      event({ case: "transferClosed", value: over });
      await until(() => expect(document.activeElement?.id).toBe(to));
    }
  });

  it("begins at a librarian of the list, too, who is chosen then", async () => {
    await inSession();
    find("[role=tab]", /^Librarians/)?.click();
    await drawn();
    await click(/^Mr Quill$/);
    await click(/^Transfer Ricky …$/);
    expect(root.querySelector<HTMLInputElement>("input[name=transfer-to]:checked")?.value).toBe("librarian/quill");
  });

  it("offers to nobody when nobody was chosen", async () => {
    await inSession();
    await click(/^Transfer …$/);
    submit("transfer-message");
    await drawn();
    expect(acts("offerTransfer")).toEqual([]);
    expect(root.textContent).toContain("Choose a librarian or a queue first.");
  });

  it.each([
    ["offer", "transfer-message"],
    ["question", "ask-first"],
  ])("takes the focus to the text of an %s that is too long, whose hint says by how much", async (_, field) => {
    await openDialog();
    await write(field, "x".repeat(1_001));
    (document.activeElement as HTMLElement | null)?.blur();
    submit(field);
    expect(document.activeElement?.id).toBe(field);
    const hint = document.activeElement?.getAttribute("aria-describedby");
    expect(root.querySelector(`#${hint}`)?.textContent).toBe("1 character too many; the limit is 1,000.");
    expect([...acts("offerTransfer"), ...socket.all("imSend")]).toEqual([]);
  });

  it("asks first by a message that is a note in the session, too, and both outlive the connection (R14)", async () => {
    await openDialog();
    await write("ask-first", "Can you take Ricky?");
    submit("ask-first");
    const [im] = socket.all("imSend");
    expect(im).toMatchObject({ to: { case: "librarianId", value: "quill" }, text: "Can you take Ricky?" });
    await again();
    expect(socket.all("imSend").map(({ commandId }) => commandId)).toEqual([im?.commandId]);
    expect(acts("writeNote"), "nobody is known to have been asked").toEqual([]);
    const value = { commandId: im?.commandId ?? "", sent: { conversationId: "c", position: 1n } };
    socket.push({ case: "imSent", value: create(ImSentSchema, value) });
    const [note] = acts("writeNote");
    expect(note?.act.value).toMatchObject({ text: "IM to Mr Quill: Can you take Ricky?" });
    await again();
    expect(acts("writeNote").map(({ commandId }) => commandId)).toEqual([note?.commandId]);
  });

  /** The page comes back on a new connection. */
  async function again(): Promise<void> {
    const before = socket;
    socket.onclose?.({ code: 4503, reason: "retry_ms=0" });
    await until(() => expect(FakeSocket.last).not.toBe(before));
    socket = FakeSocket.last as FakeSocket;
    greet();
  }
});

describe("what was asked first and refused as it is (R23)", () => {
  it("says why without the name of a field, and goes back into the box", async () => {
    await openDialog();
    await write("ask-first", "Ding \u0007");
    submit("ask-first");
    const commandId = socket.all("imSend")[0]?.commandId ?? "";
    const description = "it contains a hidden control character (U+0007); remove it";
    const refusal = { code: 3, message: `text: ${description}`, fieldViolations: [{ field: "text", description }] };
    socket.push({ case: "refused", value: create(RefusedSchema, { commandId, refusal }) });
    await drawn();
    expect(acts("writeNote"), "staff's record does not say that Mr Quill was asked (R14)").toEqual([]);
    const lines = root.querySelector(".ask-first-lines");
    expect(lines?.textContent).toContain("Not sent. It contains a hidden control character");
    expect(lines?.textContent).not.toContain("text:");
    await click(/^Edit$/);
    expect(root.querySelector<HTMLInputElement>("#ask-first")?.value).toBe("Ding \u0007");
    expect(root.querySelector(".ask-first-lines")).toBeNull();
  });
});

describe("an answer to what was asked first", () => {
  it("is read where it is shown", async () => {
    vi.spyOn(document, "hasFocus").mockReturnValue(true);
    await openDialog();
    await write("ask-first", "Can you take Ricky?");
    submit("ask-first");
    const text = "Yes, gladly.";
    const value = {
      conversationId: "c",
      with: { case: "librarian" as const, value: { librarianId: "quill", screenName: "Mr Quill" } },
      head: 1n,
      unread: 1,
      firstKept: 1n,
      lastMessage: create(MessageSchema, { position: 1n, author: { librarianId: "quill" }, text }),
    };
    socket.push({
      case: "conversations",
      value: create(WatchConversationsResponseSchema, { change: { case: "changed", value } }),
    });
    await until(() => expect(root.querySelector(".ask-first-lines")?.textContent).toContain(text));
    await until(() => expect(socket.all("imMarkRead")).toMatchObject([{ conversationId: "c", position: 1n }]));
  });
});

describe("an offer to the librarian (D45)", () => {
  it("says who offers whom, what was asked, and why", async () => {
    await offered();
    const box = root.querySelector(".offer")?.textContent;
    for (const text of ["Mr Quill offers you Ricky", "Where is the plat book?", "She knows maps.", "lapses in"]) {
      expect(box).toContain(text);
    }
  });

  it("is accepted, and opens as the librarian's own", async () => {
    await offered();
    await click("Accept Ricky from Mr Quill");
    const [act] = acts("acceptTransfer");
    expect(act).toMatchObject({ sessionId: "s", act: { value: { offerId: "o1" } } });
    const accepted = { commandId: act?.commandId ?? "", sessionId: "s" };
    socket.push({ case: "accepted", value: create(AcceptedSchema, accepted) });
    expect(socket.all("attend").at(-1)?.sessionId).toBe("s");
    attending(Part.OWNER);
    await drawn();
    expect(root.querySelector("section[aria-label='Session with Ricky']")).not.toBeNull();
    expect(find("[role=tab]", /^My Active/)?.getAttribute("aria-selected")).toBe("true");
  });

  it.each(["Accept", "Decline"])(
    "needs no OK to what was asked by IM first, once there is an answer: %s",
    async (answer) => {
      const value = {
        conversationId: "c",
        with: { case: "librarian" as const, value: { librarianId: "quill", screenName: "Mr Quill" } },
        head: 1n,
        unread: 1,
        firstKept: 1n,
        lastMessage: create(MessageSchema, {
          position: 1n,
          author: { librarianId: "quill" },
          text: "Can you take Ricky?",
        }),
      };
      const change = { case: "changed" as const, value };
      socket.push({ case: "conversations", value: create(WatchConversationsResponseSchema, { change }) });
      await offered();
      expect(root.querySelector(".im-request")?.textContent).toContain("Can you take Ricky?");
      await click(`${answer} Ricky from Mr Quill`);
      expect(root.querySelector(".im-request")).toBeNull();
      // It is still to be read.
      expect(find("[role=tab]", /^IM/)?.textContent).toContain("1 unread");
    },
  );

  it("says clearly when somebody else was faster", async () => {
    await offered();
    await click("Accept Ricky from Mr Quill");
    const refusal = { code: 9, reason: "OFFER_CLOSED", message: "x", metadata: { outcome: "ACCEPTED" } };
    const value = { commandId: acts("acceptTransfer")[0]?.commandId ?? "", sessionId: "s", refusal };
    socket.push({ case: "refused", value: create(RefusedSchema, value) });
    await drawn();
    expect(find(".toast", /Somebody else has already accepted this patron\./)).toBeDefined();
  });

  it("is declined with a reason, and leaves nothing on the desk", async () => {
    await offered();
    await write(root.querySelector<HTMLInputElement>(".offer input")?.id ?? "", "On the phone");
    await click("Decline Ricky from Mr Quill");
    const [act] = acts("declineTransfer");
    expect(act?.act.value).toMatchObject({ offerId: "o1", reason: "On the phone" });
    socket.push({
      case: "accepted",
      value: create(AcceptedSchema, { commandId: act?.commandId ?? "", sessionId: "s" }),
    });
    lists({ case: "removed", value: { list: SessionList.OFFERED, sessionId: "s" } });
    await drawn();
    expect(root.querySelector(".offer")).toBeNull();
    expect(socket.all("attend")).toEqual([]);
  });

  it("is said to be over when nobody here has answered it", async () => {
    await offered();
    lists({ case: "removed", value: { list: SessionList.OFFERED, sessionId: "s" } });
    await drawn();
    expect(find(".toast", /^Mr Quill's offer of Ricky is over\./)).toBeDefined();
  });

  it("is not said to be over to who has declined it", async () => {
    await offered();
    await click("Decline Ricky from Mr Quill");
    lists({ case: "removed", value: { list: SessionList.OFFERED, sessionId: "s" } });
    await drawn();
    expect(root.textContent).not.toContain("is over");
  });

  it("can be put aside, and stays above New", async () => {
    await offered();
    await click("Later: put the offer of Ricky aside");
    expect(root.querySelector(".offer")).toBeNull();
    expect(find("button", /^Accept Ricky.*from Mr Quill.*Maple Library/)).toBeDefined();
  });
});

describe("a session that somebody else has accepted", () => {
  it("says who has it, takes no more words, and goes when it is put away", async () => {
    await inSession();
    event({ case: "transferred", value: create(SessionTransferredSchema, { from: MAP }) }, QUILL);
    const refusal = { code: 9, reason: "NO_LONGER_OWNER", message: "x", metadata: { owner: "Mr Quill" } };
    socket.push({ case: "detached", value: create(DetachedSchema, { sessionId: "s", refusal }) });
    await drawn();
    expect(root.textContent).toContain("Mr Quill has this patron now.");
    expect(document.getElementById("patron-box")).toBeNull();
    expect(document.getElementById("note-box")).toBeNull();
    await click("Put away");
    expect(root.querySelector("section[aria-label='Session with Ricky']")).toBeNull();
  });

  it("says nothing any more of how an earlier offer ended", async () => {
    await inSession();
    event({ case: "transferOffered", value: create(TransferOfferedSchema, { offer: offer() }) });
    const lapsed = create(TransferClosedSchema, { offerId: "o1", outcome: TransferOutcome.LAPSED });
    event({ case: "transferClosed", value: lapsed });
    await drawn();
    expect(find(".toast", /Ricky stays with you\./)).toBeDefined();
    event({ case: "transferOffered", value: create(TransferOfferedSchema, { offer: { ...offer(), offerId: "o2" } }) });
    await drawn();
    expect(find(".toast", /Ricky stays with you\./)).toBeUndefined();
    event({ case: "transferClosed", value: create(TransferClosedSchema, { ...lapsed, offerId: "o2" }) });
    event({ case: "transferred", value: create(SessionTransferredSchema, { from: MAP }) }, QUILL);
    await drawn();
    expect(find(".toast", /Ricky stays with you\./)).toBeUndefined();
  });

  it("shows nobody as there or typing any more, and puts nothing under the hand that was at a button", async () => {
    await inSession();
    const typing = { sessionId: "s", typing: { author: { part: Part.PATRON, name: "Ricky" } } };
    socket.push({ case: "typing", value: create(SomebodyTypingSchema, typing) });
    await drawn();
    expect(root.querySelector(".session-pane")?.textContent).toContain("is typing");
    find("button", /^Transfer …$/)?.focus();
    event({ case: "transferred", value: create(SessionTransferredSchema, { from: MAP }) }, QUILL);
    const refusal = { code: 9, reason: "NO_LONGER_OWNER", message: "x", metadata: { owner: "Mr Quill" } };
    socket.push({ case: "detached", value: create(DetachedSchema, { sessionId: "s", refusal }) });
    await drawn();
    await drawn();
    expect(root.querySelector(".session-pane")?.textContent).not.toContain("is typing");
    expect(document.activeElement?.textContent).toContain("Mr Quill has this patron now.");
  });
});

describe("conference mode (R6)", () => {
  it("has no way to transfer", async () => {
    lists({ case: "snapshot", value: { rows: [{ ...ROW, list: SessionList.ALL, owner: QUILL }] } });
    find("[role=tab]", /^All/)?.click();
    await drawn();
    await click(/^Enter the session with Ricky.*with Mr Quill/);
    await click(/^OK$/);
    expect(root.querySelector(".list-body")?.textContent).toContain("Entering …");
    // While entering, the user is neither asked again nor sent in again.
    await click(/^Enter the session with Ricky.*with Mr Quill/);
    expect(root.querySelector("dialog")).toBeNull();
    const accepted = { commandId: acts("enterConference")[0]?.commandId ?? "", sessionId: "s" };
    socket.push({ case: "accepted", value: create(AcceptedSchema, accepted) });
    attending(Part.COLLEAGUE);
    await drawn();
    expect(find("button", /^Leave Session$/)).toBeDefined();
    expect(find("button", /^(Transfer|End)/)).toBeUndefined();
  });
});
