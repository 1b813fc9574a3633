import { create } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { DetachedSchema } from "../../gen/carrel/gateway/v1/frames_pb";
import { SessionState } from "../../gen/carrel/session/v1/session_pb";
import { FakeSocket } from "../../testing/gateway";
import { PatronPage } from "../../testing/patron_page";
import { until } from "../../testing/until";

let page: PatronPage;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "Date"] });
});

afterEach(() => {
  page.close();
  vi.useRealTimers();
});

/** The gateway closes the connection. */
async function closes(code: number, reason = ""): Promise<void> {
  FakeSocket.last?.onclose?.({ code, reason });
  // The page tries to exchange the token over HTTP before it counts it as expired.
  await page.drawn();
  await page.drawn();
}

/** The gateway refuses to let the page take part. */
async function detaches(refusal: { code: number; reason: string; message?: string }): Promise<void> {
  FakeSocket.last?.push({ case: "detached", value: create(DetachedSchema, { sessionId: "s", refusal }) });
  await page.drawn();
}

/** Lets so many seconds pass. */
async function passes(seconds: number): Promise<void> {
  vi.advanceTimersByTime(seconds * 1_000);
  await page.drawn();
}

const words = () => page.root.querySelector("main")?.textContent ?? "";
const alert = () => page.root.querySelector("main [role=alert]")?.textContent ?? "";
/** What becomes of the old chat, as the description of the button that asks anew says. */
const fate = () => {
  const button = [...page.root.querySelectorAll("button")].find(({ textContent }) => textContent?.includes("instead"));
  return page.root.querySelector(`#${button?.getAttribute("aria-describedby")}`)?.textContent;
};
const mark = () => page.root.querySelector(".ask-head .connection")?.textContent ?? "";
const stored = () => sessionStorage.getItem("carrel.ask.maple");

describe("a patron who reloads the page into a chat (R8, D51)", () => {
  it("is taken back, and sees meanwhile how the connection stands", async () => {
    page = await PatronPage.open(true);
    expect(words()).toContain("Taking you back to your chat …");
    expect(mark()).toContain("Connected");
    await page.chats();
    expect(page.root.querySelector("h1")?.textContent).toBe("Ms Map");
    expect(alert()).toBe("");
    expect(JSON.parse(stored() ?? "null")).toMatchObject({ sessionId: "s", taken: true });
  });

  it("is told that they are let in no longer, and can ask at once", async () => {
    page = await PatronPage.open(true);
    await closes(4401);
    expect(alert()).toContain("can't return to your chat");
    expect(stored()).toBeNull();
    await page.types("question", "Where is the plat book?");
    await page.press("Start the chat");
    FakeSocket.last?.open();
    await page.attends({ state: SessionState.WAITING });
    expect(page.chat.stage.value).toBe("waiting");
    expect(words()).not.toContain("can't return");
  });

  it("is told that the library has their chat no more", async () => {
    page = await PatronPage.open("taken");
    await detaches({ code: 5, reason: "NOT_FOUND" });
    expect(alert()).toContain("the library no longer has it");
    expect(stored()).toBeNull();
    expect(page.field("question")).toBeDefined();
  });

  it("is told that their question was not taken before, and comes to it if it was all the same", async () => {
    page = await PatronPage.open(true);
    await detaches({ code: 5, reason: "NOT_FOUND" });
    expect(alert()).toContain("had not got through");
    await page.types("question", "And the map of 1851?");
    await page.press("Start the chat");
    expect(page.acts).toHaveLength(1);
    await page.refuses({ code: 9, reason: "ALREADY_OPEN", message: "This session was opened before." });
    expect(FakeSocket.last?.all("attend")).toHaveLength(2);
    await page.attends({ state: SessionState.WAITING });
    expect(page.chat.stage.value).toBe("waiting");
    expect(page.chat.draft.value).toBe("And the map of 1851?");
  });

  it("is told why, when they may not return for another reason", async () => {
    page = await PatronPage.open(true);
    await detaches({ code: 7, reason: "ROLE_NOT_ALLOWED", message: "Your role does not allow this." });
    expect(alert()).toContain("Your role does not allow this.");
    expect(stored()).toBeNull();
  });

  it("reads the transcript when the chat has ended meanwhile (D56)", async () => {
    page = await PatronPage.open(true);
    await page.attends({ state: SessionState.ENDED, owner: { name: "Ms Map" } });
    expect(page.root.querySelector("h1")?.textContent).toBe("Ms Map ended the chat");
    expect(words()).toContain("Transcript");
  });
});

describe.each([1002, 1007, 1009, 4400])("a patron whose page the gateway will not have, by %i", (code) => {
  it("can reload it, which keeps the chat, or ask anew", async () => {
    page = await PatronPage.open(true);
    await closes(code);
    expect(words()).not.toContain("Taking you back");
    expect(alert()).toContain("out of date");
    expect(words()).toContain("Reload this page");
    expect(stored()).not.toBeNull();
    expect(mark()).toContain("Reload this page");
    expect(fate()).toContain("stays open until a librarian ends it");
    await page.press("Ask a new question instead");
    expect(document.activeElement?.id).toBe("question");
    expect(stored()).toBeNull();
  });

  it("is told so while they wait, too", async () => {
    page = await PatronPage.open(true);
    await page.attends({ state: SessionState.WAITING });
    await closes(code);
    expect(words()).toContain("out of date");
    expect(words()).not.toContain("trying to reach");
  });
});

describe.each([1001, 1006, 1011, 1012, 4408, 4409, 4429])("a server that closes with %i", (code) => {
  it("is tried again, before the eyes of who returns", async () => {
    page = await PatronPage.open(true);
    await closes(code, code === 1012 ? "retry_ms=1500" : "");
    expect(words()).toContain("can't be reached");
    expect(mark()).toMatch(/Reconnecting.*Try now/);
    await page.press("Try now");
    FakeSocket.last?.open();
    await page.chats();
    expect(page.chat.stage.value).toBe("chatting");
  });
});

describe("a return that takes long", () => {
  it("is never without a word and a way on, also when there is a connection", async () => {
    page = await PatronPage.open(true);
    expect(page.root.querySelector("main button")).toBeNull();
    expect(words()).not.toContain("stays open");
    await passes(12);
    expect(words()).toContain("taking longer");
    expect(fate()).toContain("stays open until a librarian ends it");
    await page.press("Ask a new question instead");
    expect(page.chat.stage.value).toBe("form");
  });

  it("reads the library when the server is back, if it could not before", async () => {
    page = await PatronPage.open(true, { libraryFails: true });
    expect(page.chat.library.facts.value).toBeUndefined();
    await closes(1006);
    page.mend();
    await page.press("Try now");
    FakeSocket.last?.open();
    await until(() => expect(page.chat.library.facts.value?.name).toBe("Maple Library"));
  });
});

describe("a question on its way to a server that cannot be reached", () => {
  it("says so, instead of sending without an end", async () => {
    page = await PatronPage.open();
    await page.types("question", "Where is the plat book?");
    await page.press("Start the chat");
    await closes(1006);
    expect(words()).toContain("is not answering");
    expect(mark()).toContain("Reconnecting");
    expect(page.field("question").value).toBe("Where is the plat book?");
  });
});

describe("a patron whose chat is gone when the connection is back", () => {
  it("is told so, keeps what was written, and waits for nothing that never comes", async () => {
    page = await PatronPage.open(true);
    await page.chats();
    await page.says("Hello, Ricky");
    await page.types("message", "Hello");
    page.chat.send();
    await closes(1006);
    await page.press("Try now");
    FakeSocket.last?.open();
    await detaches({ code: 5, reason: "NOT_FOUND" });
    expect(page.root.querySelector("h1")?.textContent).toBe("Your chat can't continue here");
    expect(words()).toContain("Hello, Ricky");
    expect(page.root.querySelector(".unsent blockquote")?.textContent).toBe("Hello");
    await page.press("Ask another question");
    expect(page.field("question").value).toBe("Hello");
  });
});

describe("a patron who is let in no longer while they chat", () => {
  it("has again what nobody has confirmed, and sees nothing being sent for ever (D60)", async () => {
    page = await PatronPage.open(true);
    await page.chats();
    await page.types("message", "Is it on the second floor?");
    page.chat.send();
    await page.types("message", "Or");
    await closes(4401);
    expect(page.root.querySelector("h1")?.textContent).toBe("You were away for too long");
    expect(words()).not.toContain("Sending …");
    expect(page.root.querySelector(".unsent blockquote")?.textContent).toBe("Is it on the second floor?\nOr");
  });
});
