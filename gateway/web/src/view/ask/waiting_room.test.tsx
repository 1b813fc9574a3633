import { create } from "@bufbuild/protobuf";
import { render } from "preact";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { PatronChat } from "../../app/ask/chat";
import {
  AttendingSchema,
  DetachedSchema,
  SessionEventSchema as SessionEventFrameSchema,
  WaitingSchema,
} from "../../gen/carrel/gateway/v1/frames_pb";
import { type SessionEvent, SessionEventSchema } from "../../gen/carrel/session/v1/session_event_pb";
import { Part, SessionState } from "../../gen/carrel/session/v1/session_pb";
import { JoinedSchema } from "../../gen/carrel/session/v1/session_service_pb";
import { FakeSocket } from "../../testing/gateway";
import { PatronPage } from "../../testing/patron_page";
import { until } from "../../testing/until";
import { AskPage } from "./ask_page";

const MAP = { part: Part.OWNER, name: "Ms Map" };

let root: HTMLElement;
let position: bigint;

beforeEach(() => {
  position = 0n;
  root = document.createElement("div");
  document.body.append(root);
  vi.stubGlobal("WebSocket", FakeSocket);
  vi.stubGlobal("fetch", async (path: string) => {
    const library = { institutionId: "maple", name: "Maple Library" };
    const answer = path.endsWith("/availability") ? { availability: "AVAILABILITY_OPEN" } : { library };
    return new Response(JSON.stringify(answer));
  });
  const token = { accessToken: "t", expiresAt: Date.now() + 900_000, renewUntil: Date.now() + 900_000 };
  sessionStorage.setItem("carrel.ask.maple", JSON.stringify({ sessionId: "s", token }));
});

afterEach(() => {
  render(null, root);
  root.remove();
  sessionStorage.clear();
  vi.unstubAllGlobals();
});

/** A patron who waits, with nobody ahead of them, after these events. */
async function waiting(...payloads: SessionEvent["payload"]["case"][]): Promise<void> {
  const chat = new PatronChat("maple", false);
  render(<AskPage chat={chat} />, root);
  await chat.begin();
  const socket = FakeSocket.last as FakeSocket;
  socket.open();
  const session = { sessionId: "s", state: SessionState.WAITING, question: "Where is the plat book?" };
  const joined = create(JoinedSchema, { session, head: { epoch: "1" }, part: Part.PATRON });
  socket.push({ case: "attending", value: create(AttendingSchema, { sessionId: "s", joined }) });
  for (const kind of payloads) {
    position += 1n;
    const event = create(SessionEventSchema, { position, author: MAP });
    event.payload = { case: kind, value: {} } as SessionEvent["payload"];
    socket.push({ case: "event", value: create(SessionEventFrameSchema, { sessionId: "s", event }) });
  }
  socket.push({ case: "waiting", value: create(WaitingSchema, { sessionId: "s", status: { ahead: 0 } }) });
  await until(() => expect(root.querySelector("h1")?.textContent).toBe("You are next"));
}

const lead = () => root.querySelector(".lead")?.textContent;

describe("a patron who waits again, since their librarian was lost (I13, R7)", () => {
  it("reads what anybody reads who waits, and that what was written is kept", async () => {
    await waiting();
    const first = lead();
    expect(first).toContain("A librarian will join you here.");
    render(null, root);
    await waiting("pickedUp", "returned");
    expect(lead()).toBe(first);
    expect(root.textContent).toContain("What you and your librarian have written so far is kept.");
    expect(root.textContent).toContain("You are waiting for a librarian again");
    expect(root.textContent).not.toContain("lost");
  });
});

describe("what a patron has written and nobody has taken, while they wait again (D60)", () => {
  let page: PatronPage;

  beforeEach(async () => {
    page = await PatronPage.open(true);
    await page.chats();
  });

  afterEach(() => page.close());

  const words = () => [...page.root.querySelectorAll(".failed button")].map(({ textContent }) => textContent);

  /** The librarian is lost, and the patron waits again. */
  async function waitsAgain(): Promise<void> {
    await page.happens("returned");
    expect(page.chat.stage.value).toBe("waiting");
  }

  it("can be sent again, or given up, where it stands", async () => {
    await page.types("message", "Is it on loan?");
    page.chat.send();
    await waitsAgain();
    await page.refuses({ code: 9, reason: "FULL", message: "This session has no more room." });
    expect(words()).toEqual(["Retry", "Edit", "Discard"]);
    await page.press("Retry");
    const [first, again] = page.acts.map(({ commandId }) => commandId);
    expect(again).toBe(first);
    await page.refuses({ code: 9, reason: "FULL", message: "This session has no more room." });
    await page.press("Discard");
    expect(page.root.querySelector(".failed")).toBeNull();
  });

  it("goes back into a box where it would only be refused again, and from there", async () => {
    await page.types("message", "Ding \u0007");
    page.chat.send();
    await waitsAgain();
    await page.refuses({ code: 3, message: "x", fieldViolations: [{ field: "text", description: "remove it" }] });
    expect(words()).toEqual(["Edit", "Discard"]);
    await page.press("Edit");
    expect(document.activeElement?.id).toBe("message");
    expect(page.field("message").value).toBe("Ding \u0007");
    await page.types("message", "Ding");
    await page.press("Send");
    expect(page.acts.at(-1)?.act).toMatchObject({ case: "postMessage", value: { text: "Ding" } });
  });

  it("is still in the box when it was half typed, and the head of the wait has the focus", async () => {
    await page.types("message", "Half a sentence");
    await waitsAgain();
    expect(page.field("message").value).toBe("Half a sentence");
    expect(document.activeElement?.tagName).toBe("H1");
  });
});

describe("a patron who waits in a session that cannot be reached (D60)", () => {
  it("is not told that somebody will join them, but why, until it is reached again", async () => {
    const page = await PatronPage.open(true);
    await page.attends({ state: SessionState.WAITING });
    const words = () => page.root.querySelector(".lead")?.textContent ?? "";
    expect(words()).toContain("will join you");
    const refusal = { code: 13, reason: "LOG_BROKEN", message: "The log cannot be read." };
    FakeSocket.last?.push({ case: "detached", value: create(DetachedSchema, { sessionId: "s", refusal }) });
    await page.drawn();
    expect(words()).toBe(
      "Your place in the queue can't be reached right now; we're still trying. The log cannot be read.",
    );
    await page.attends({ state: SessionState.WAITING });
    expect(words()).toContain("will join you");
    page.close();
  });
});

describe("a patron who has more to say while they wait (D30)", () => {
  let page: PatronPage;

  beforeEach(async () => {
    page = await PatronPage.open(true);
    await page.attends({ state: SessionState.WAITING });
  });

  afterEach(() => page.close());

  const head = () => page.root.querySelector(".asked h2")?.textContent;

  it("has a box for it with the question above, and the head of the wait keeps the focus", async () => {
    expect(page.root.querySelector("label[for=message]")?.textContent).toBe(
      "You can add to your question while you wait",
    );
    expect(head()).toBe("Your question");
    expect(document.activeElement?.tagName).toBe("H1");
  });

  it("sends it, and stays in the box", async () => {
    page.field("message").focus();
    await page.types("message", "The one of 1890");
    expect(head()).toBe("Your question");
    page.field("message").dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
    expect(page.acts.at(-1)?.act).toMatchObject({ case: "postMessage", value: { text: "The one of 1890" } });
    await page.says("The one of 1890", Part.PATRON);
    expect(head()).toBe("What you have written so far.");
    expect(page.root.querySelector("[role=log]")?.textContent).toContain("The one of 1890");
    expect(page.field("message").value).toBe("");
    expect(document.activeElement?.id).toBe("message");
  });
});
