import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { render } from "preact";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Desk } from "../../app/desk/desk";
import { ImMessagesSchema, ImSentSchema, RefusedSchema } from "../../gen/carrel/gateway/v1/frames_pb";
import {
  ConversationSchema,
  type ListMessagesRequest,
  ListMessagesResponseSchema,
  MessageSchema,
  WatchConversationsResponseSchema,
} from "../../gen/carrel/im/v1/im_service_pb";
import { OwnPresenceSchema, Status, WatchDeskResponseSchema } from "../../gen/carrel/presence/v1/presence_service_pb";
import { FakeSocket } from "../../testing/gateway";
import { until } from "../../testing/until";
import { DeskPage } from "./desk_page";

const QUILL = { librarianId: "quill", screenName: "Mr Quill", institutionName: "Harbor City Library" };

let root: HTMLElement;
let socket: FakeSocket;
let desk: Desk;

/** Waits until the page has drawn what it knows and run its effects. */
const drawn = () => new Promise<void>((resolve) => requestAnimationFrame(() => setTimeout(resolve)));

beforeEach(async () => {
  vi.stubGlobal("WebSocket", FakeSocket);
  HTMLDialogElement.prototype.showModal ??= () => {};
  FakeSocket.profile = { librarianId: "map", screenName: "Ms Map", queues: [{ queueId: "main", name: "Main" }] };
  const token = { accessToken: "t", expiresAt: Date.now() + 900_000, renewUntil: Date.now() + 900_000 };
  sessionStorage.setItem("carrel.desk", JSON.stringify({ token, queueIds: ["main"], seen: {}, held: [] }));
  root = document.createElement("div");
  document.body.append(root);
  desk = new Desk();
  render(<DeskPage desk={desk} />, root);
  desk.begin();
  socket = FakeSocket.last as FakeSocket;
  socket.open();
  socket.push({
    case: "ownPresence",
    value: create(OwnPresenceSchema, { queueIds: ["main"], status: 1, monitors: 1 }),
  });
  const librarians = [
    {
      ...QUILL,
      status: Status.BUSY,
      queueCount: 2,
      activeCount: 1,
      primaryQueueName: "Main",
      sharedQueueIds: ["main"],
    },
    { librarianId: "far", screenName: "Far Away", status: Status.AWAY, sharedQueueIds: [] },
  ];
  const snapshot = { case: "snapshot" as const, value: { librarians } };
  socket.push({ case: "desk", value: create(WatchDeskResponseSchema, { change: snapshot }) });
  conversations([]);
  await drawn();
});

afterEach(() => {
  render(null, root);
  root.remove();
  sessionStorage.clear();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

function conversations(all: Parameters<typeof create<typeof ConversationSchema>>[1][]): void {
  const value = { conversations: all.map((one) => create(ConversationSchema, one)) };
  socket.push({
    case: "conversations",
    value: create(WatchConversationsResponseSchema, { change: { case: "snapshot", value } }),
  });
}

/** Sends a change of the conversations. */
function changed(change: NonNullable<Parameters<typeof create<typeof WatchConversationsResponseSchema>>[1]>["change"]) {
  socket.push({ case: "conversations", value: create(WatchConversationsResponseSchema, change ? { change } : {}) });
}

/** Mr Quill has written for the first time. */
function firstMessage(text: string, time?: Date): void {
  const begun = { conversationId: "c", with: { case: "librarian" as const, value: QUILL }, firstKept: 1n };
  changed({ case: "changed", value: begun });
  const sent = time && { time: timestampFromMs(time.getTime()) };
  changed({
    case: "arrived",
    value: { conversationId: "c", message: { position: 1n, author: QUILL, text, ...sent } },
  });
}

/** Mr Quill has written in the staff room of the queue. */
function roomMessage(text: string): void {
  const begun = { conversationId: "r", with: { case: "queueId" as const, value: "main" }, firstKept: 1n };
  changed({ case: "changed", value: begun });
  changed({ case: "arrived", value: { conversationId: "r", message: { position: 1n, author: QUILL, text } } });
}

/** The conversation with Mr Quill, whose last message is his. */
function withQuill(position: bigint, text: string, unread: number) {
  const lastMessage = { position, author: QUILL, text };
  const facts = { head: position, unread, read: position - BigInt(unread), firstKept: 1n, lastMessage };
  return { conversationId: "c", with: { case: "librarian" as const, value: QUILL }, ...facts };
}

/** The staff room of the queue, whose last message is Mr Quill's. */
function room(position: bigint, text: string, unread: number) {
  return {
    ...withQuill(position, text, unread),
    conversationId: "r",
    with: { case: "queueId" as const, value: "main" },
  };
}

function find(selector: string, text: string | RegExp): HTMLElement | undefined {
  return [...root.querySelectorAll<HTMLElement>(selector)].find((element) =>
    (element.getAttribute("aria-label") ?? element.textContent ?? "").trim().match(text),
  );
}

function press(target: HTMLElement | undefined, init: KeyboardEventInit): void {
  target?.dispatchEvent(new KeyboardEvent("keydown", { bubbles: true, cancelable: true, ...init }));
}

async function librarians(): Promise<HTMLElement | undefined> {
  find("[role=tab]", /^Librarians/)?.click();
  await drawn();
  return find(".librarian-name", /^Mr Quill$/);
}

describe("what is said of a message", () => {
  it("is whether it is for the user alone or for a staff room", async () => {
    firstMessage("Just you");
    roomMessage("All of us");
    await drawn();
    expect(root.textContent).toContain("Mr Quill to you, not to a patron: Just you");
    expect(root.textContent).toContain("Mr Quill to the staff of Main, not to a patron: All of us");
  });
});

describe("a message that came while the page was not watching (D32)", () => {
  const rung = () => vi.mocked(desk.alerts.ring).mock.calls.map(([, text]) => text);

  /** The page has these conversations, and has told of them. */
  function known(...all: Parameters<typeof conversations>[0]): void {
    conversations(all);
    vi.spyOn(desk.alerts, "ring").mockReset();
  }

  it("is told of when the page watches again, once in each conversation", async () => {
    known(withQuill(1n, "Old", 1), room(3n, "Old", 1));
    conversations([withQuill(3n, "Here", 3), room(4n, "There", 2)]);
    conversations([withQuill(3n, "Here", 3), room(4n, "There", 2)]);
    expect(rung()).toEqual(["Mr Quill has written to you.", "Mr Quill has written to the staff of Main."]);
    await drawn();
    expect(root.textContent).toContain("Mr Quill to you, not to a patron: Here");
  });

  it("is not told of if the user has read it on another monitor, or has answered it there", () => {
    known(withQuill(1n, "Old", 1), room(3n, "Old", 1));
    const author = { librarianId: "map", screenName: "Ms Map" };
    conversations([
      withQuill(2n, "Read", 0),
      { ...room(5n, "", 1), lastMessage: { position: 5n, author, text: "Mine" } },
    ]);
    expect(rung()).toEqual([]);
  });

  it("is told of if it began the conversation, but not in a staff room that the user has just come to", () => {
    known();
    conversations([withQuill(1n, "Hello", 1), room(7n, "Old", 7)]);
    expect(rung()).toEqual(["Mr Quill has written to you."]);
  });

  it("is told of also if the snapshot comes in parts, which take nothing away meanwhile and tell of nothing old", async () => {
    known(withQuill(2n, "Old", 2), room(3n, "Old", 1));
    find("[role=tab]", /^IM/)?.click();
    conversations([room(3n, "Old", 1)]);
    await drawn();
    expect(find("button", /^Open the IM session with Mr Quill/)).toBeDefined();
    changed({ case: "changed", value: withQuill(2n, "Old", 2) });
    expect(rung()).toEqual([]);
    conversations([room(3n, "Old", 1)]);
    changed({ case: "changed", value: withQuill(3n, "News", 3) });
    expect(rung()).toEqual(["Mr Quill has written to you."]);
  });
});

describe("a new connection (R13)", () => {
  it("sends what is on its way only when the server knows again what the user monitors", async () => {
    find("[role=tab]", /^IM/)?.click();
    await drawn();
    find("button", /^Write to Mr Quill/)?.click();
    await drawn();
    const box = document.getElementById("im-box") as HTMLTextAreaElement;
    box.value = "Hello";
    box.dispatchEvent(new Event("input", { bubbles: true }));
    await drawn();
    press(box, { key: "Enter" });
    const commandId = socket.all("imSend")[0]?.commandId;
    const before = socket;
    socket.onclose?.({ code: 4503, reason: "retry_ms=0" });
    await until(() => expect(FakeSocket.last).not.toBe(before));
    socket = FakeSocket.last as FakeSocket;
    socket.open();
    await drawn();
    expect(socket.all("announce")[0]).toMatchObject({ returning: true, queues: { queueIds: ["main"] } });
    expect([...socket.all("imSend"), ...socket.all("watchConversations")]).toEqual([]);
    const own = { queueIds: ["main"], status: Status.AVAILABLE, monitors: 1 };
    socket.push({ case: "ownPresence", value: create(OwnPresenceSchema, own) });
    expect(socket.all("imSend").map((sent) => sent.commandId)).toEqual([commandId]);
    expect(socket.all("watchConversations")).toHaveLength(1);
  });
});

describe("the Librarians list (S39 to S41, D83)", () => {
  it("says of each librarian what is to be known, in words", async () => {
    const line = (await librarians())?.closest("tr");
    const cells = [...(line?.children ?? [])].map((cell) => cell.textContent?.trim());
    expect(cells[0]).toContain("Busy");
    expect(cells.slice(1, 3)).toEqual(["2", "1"]);
    expect(cells[3]).toContain("Main (Harbor City Library)");
  });

  it.each([
    ["right-click", (name: HTMLElement) => name.dispatchEvent(new MouseEvent("contextmenu", { bubbles: true }))],
    ["Shift+F10", (name: HTMLElement) => press(name, { key: "F10", shiftKey: true })],
    ["the menu key", (name: HTMLElement) => press(name, { key: "ContextMenu" })],
    ["a press on the name", (name: HTMLElement) => name.click()],
    ["the button beside it", () => find("button", /^Menu for Mr Quill$/)?.click()],
  ])("opens its menu with %s, and IM with its entry, the cursor in the box", async (_, open) => {
    const name = await librarians();
    if (name) open(name);
    await drawn();
    const entry = find("[role=menuitem]", /^Start IM Session$/);
    expect(document.activeElement).toBe(entry);
    entry?.click();
    await drawn();
    expect(find("[role=tab]", /^IM/)?.getAttribute("aria-selected")).toBe("true");
    await until(() => expect(document.activeElement?.id).toBe("im-box"));
    expect(find("section", /^IM session with Mr Quill$/)).toBeDefined();
  });

  it("closes its menu at Escape, and gives the focus back", async () => {
    const name = await librarians();
    press(name, { key: "F10", shiftKey: true });
    await drawn();
    press(document.activeElement as HTMLElement, { key: "Escape" });
    await drawn();
    expect(root.querySelector("[role=menu]")).toBeNull();
    expect(document.activeElement).toBe(name);
  });

  it("offers no IM session with who shares no queue, and says why (D20)", async () => {
    await librarians();
    find(".librarian-name", /^Far Away$/)?.click();
    await drawn();
    const entry = find("[role=menuitem]", /^Start IM Session/);
    expect(entry?.textContent).toContain("You do not share a queue");
    entry?.click();
    await drawn();
    expect(find("[role=tab]", /^IM/)?.getAttribute("aria-selected")).toBe("false");
  });
});

describe("the IM tab (S35, S36, S42)", () => {
  async function writeTo(text: string): Promise<void> {
    find("[role=tab]", /^IM/)?.click();
    await drawn();
    find("button", /^Write to Mr Quill/)?.click();
    await drawn();
    const box = document.getElementById("im-box") as HTMLTextAreaElement;
    box.value = text;
    box.dispatchEvent(new Event("input", { bubbles: true }));
    await drawn();
    press(box, { key: "Enter" });
    await drawn();
  }

  it("sends to the librarian who was selected, and says how far it has come", async () => {
    await writeTo("Hello");
    const [sent] = socket.all("imSend");
    expect(sent?.to).toEqual({ case: "librarianId", value: "quill" });
    expect(sent?.text).toBe("Hello");
    expect(root.querySelector(".message-state")?.textContent).toContain("Sending");
    const value = { commandId: sent?.commandId ?? "", sent: { conversationId: "c", position: 1n } };
    socket.push({ case: "imSent", value: create(ImSentSchema, value) });
    await drawn();
    expect(root.querySelector(".message-state")?.textContent).toContain("Sent");
    const author = { librarianId: "map", screenName: "Ms Map" };
    conversations([
      {
        conversationId: "c",
        with: { case: "librarian", value: QUILL },
        head: 1n,
        lastMessage: { position: 1n, author, text: "Hello" },
        deliveredToOther: 1n,
      },
    ]);
    await drawn();
    expect(root.querySelectorAll(".message")).toHaveLength(1);
    expect(root.querySelector(".message-state")?.textContent).toContain("Delivered");
  });

  it("says why a message was not taken (D20)", async () => {
    await writeTo("Hello");
    const commandId = socket.all("imSend")[0]?.commandId ?? "";
    const refusal = { code: 9, reason: "NOT_SHARED", message: "You share no queue with Mr Quill." };
    socket.push({ case: "refused", value: create(RefusedSchema, { commandId, refusal }) });
    await drawn();
    expect(root.querySelector(".message-state.failed")?.textContent).toContain(
      "Not sent. You share no queue with Mr Quill.",
    );
  });

  it("says why without the name of a field, and offers to change what can never be sent as it is (R23)", async () => {
    await writeTo("Ding \u0007 dong");
    const commandId = socket.all("imSend")[0]?.commandId ?? "";
    const description = "it contains a hidden control character (U+0007); remove it";
    const refusal = { code: 3, message: `text: ${description}`, fieldViolations: [{ field: "text", description }] };
    socket.push({ case: "refused", value: create(RefusedSchema, { commandId, refusal }) });
    await drawn();
    const failed = root.querySelector(".message-state.failed");
    expect(failed?.textContent).toContain("Not sent. It contains a hidden control character (U+0007); remove it.");
    expect(failed?.textContent).not.toContain("Retry");
    find(".message-state.failed button", /^Edit$/)?.click();
    await drawn();
    expect(root.querySelector(".message-state.failed")).toBeNull();
    expect(root.querySelector<HTMLTextAreaElement>("#im-box")?.value).toBe("Ding \u0007 dong");
    expect(document.activeElement?.id).toBe("im-box");
  });

  it("says after a while that a message is not confirmed yet (D60)", async () => {
    await writeTo("Hello");
    const later = Date.now() + 40_000;
    vi.spyOn(Date, "now").mockImplementation(() => later);
    await until(() => expect(root.textContent).toContain("Not confirmed yet."));
  });

  it("says it wherever the user has gone meanwhile", async () => {
    await writeTo("Hello");
    find("[role=tab]", /^Patron Chat/)?.click();
    const commandId = socket.all("imSend")[0]?.commandId ?? "";
    const refusal = { code: 9, reason: "NOT_SHARED", message: "You share no queue with Mr Quill." };
    socket.push({ case: "refused", value: create(RefusedSchema, { commandId, refusal }) });
    await drawn();
    expect(root.querySelector(".toast")?.textContent).toContain("Your message to Mr Quill was not sent.");
  });

  it("does not say that it was not sent where nobody knows", async () => {
    await writeTo("Hello");
    find("[role=tab]", /^Patron Chat/)?.click();
    const commandId = socket.all("imSend")[0]?.commandId ?? "";
    const refusal = { code: 13, reason: "LOG_REFUSED", message: "The log could not take this." };
    for (let tries = 0; tries < 3; tries += 1) {
      socket.push({ case: "refused", value: create(RefusedSchema, { commandId, refusal }) });
    }
    await drawn();
    expect(root.querySelector(".toast")?.textContent).toContain(
      "Your message to Mr Quill may not have been sent. The log could not take this.",
    );
  });

  it("raises a New IM Request that takes no focus, and opens with OK (D16)", async () => {
    firstMessage("<b>Hello</b>");
    await drawn();
    const request = root.querySelector<HTMLElement>("[role=dialog].im-request");
    expect(request?.textContent).toContain("New IM Request");
    expect(request?.textContent).toContain("<b>Hello</b>");
    expect(request?.contains(document.activeElement)).toBe(false);
    expect(find("[role=tab]", /^IM/)?.textContent).toContain("1 unread");
    await until(() => expect(document.title).toContain("(1)"));
    find("button", /^OK$/)?.click();
    await drawn();
    expect(root.querySelector(".im-request")).toBeNull();
    await until(() => expect(document.activeElement?.id).toBe("im-box"));
    expect(root.querySelector("[role=log]")?.textContent).toContain("<b>Hello</b>");
    expect(root.querySelector("[role=log] b")).toBeNull();
  });

  it("says on which day something was written, in the list and above the message (R24)", async () => {
    firstMessage("Hello", new Date(2026, 0, 5, 9));
    await drawn();
    find("[role=tab]", /^IM/)?.click();
    await drawn();
    expect(find("button", /^Open the IM session with Mr Quill/)?.textContent).toContain("2026");
    find("button", /^Open the IM session with Mr Quill/)?.click();
    await drawn();
    expect(root.querySelector("[role=log] li.day")?.textContent).toContain("2026");
  });

  it("leaves the focus at the open tab when a request is put off with the keyboard (D82)", async () => {
    firstMessage("Hello");
    // Effects run a frame after the drawing.
    await drawn();
    await drawn();
    find("button", /^Later$/)?.focus();
    find("button", /^Later$/)?.click();
    await until(() => expect(document.activeElement?.getAttribute("role")).toBe("tab"));
  });

  it("leaves a request for later without losing it", async () => {
    firstMessage("Hello");
    await drawn();
    find("button", /^Later$/)?.click();
    await drawn();
    expect(root.querySelector(".im-request")).toBeNull();
    find("[role=tab]", /^IM/)?.click();
    await drawn();
    expect(find("button", /^Open the IM session with Mr Quill.*Request.*1 new/)).toBeDefined();
  });
});

describe("the focus in a conversation (D82)", () => {
  it("goes to the open tab when the conversation is left for the list", async () => {
    find("[role=tab]", /^IM/)?.click();
    await drawn();
    find("button", /^Write to Mr Quill/)?.click();
    await drawn();
    find("button", /^Back to the conversations$/)?.focus();
    find("button", /^Back to the conversations$/)?.click();
    await until(() => expect(document.activeElement?.id).toBe("tab-im"));
  });

  it("stays in it when there are no earlier messages any more, and no button that asks for them", async () => {
    const author = { librarianId: "quill", screenName: "Mr Quill" };
    const message = (position: bigint) => create(MessageSchema, { position, author, text: `no. ${position}` });
    const conversation = { conversationId: "c", with: { case: "librarian" as const, value: QUILL }, head: 2n };
    conversations([{ ...conversation, lastMessage: message(2n), firstKept: 1n, read: 2n }]);
    find("[role=tab]", /^IM/)?.click();
    await drawn();
    find("button", /^Open the IM session with Mr Quill/)?.click();
    await drawn();
    find("button", /^Earlier messages$|^Looking/)?.focus();
    find("button", /^Earlier messages$|^Looking/)?.click();
    const request = socket.all("imList").at(-1) as ListMessagesRequest;
    const response = create(ListMessagesResponseSchema, { messages: [message(1n)] });
    socket.push({ case: "imMessages", value: create(ImMessagesSchema, { request, response }) });
    await drawn();
    expect(find("button", /^Earlier messages$/)).toBeUndefined();
    expect(document.activeElement?.getAttribute("role")).toBe("log");
  });
});

describe("the status (R19)", () => {
  it("is chosen in the head, and is what the server says", async () => {
    const select = root.querySelector<HTMLSelectElement>("select[aria-label=Status]");
    expect(select?.value).toBe(String(Status.AVAILABLE));
    if (select) select.value = String(Status.ACCEPT_NO_NEW);
    select?.dispatchEvent(new Event("change", { bubbles: true }));
    expect(socket.all("announce").at(-1)?.status).toBe(Status.ACCEPT_NO_NEW);
    await drawn();
    expect(select?.getAttribute("aria-busy")).toBe("true");
    const value = { queueIds: ["main"], status: Status.ACCEPT_NO_NEW, monitors: 2 };
    socket.push({ case: "ownPresence", value: create(OwnPresenceSchema, value) });
    await drawn();
    expect(select?.getAttribute("aria-busy")).toBe("false");
    expect(root.querySelector(".status-control")?.textContent).toContain("2 monitors");
  });
});
