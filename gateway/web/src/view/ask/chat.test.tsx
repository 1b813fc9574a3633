import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { askBeforeLeaving, isChatUnsent } from "../../app/parts/leaving";
import { SessionState } from "../../gen/carrel/session/v1/session_pb";
import { FakeSocket } from "../../testing/gateway";
import { PatronPage } from "../../testing/patron_page";

let page: PatronPage;

beforeEach(async () => {
  page = await PatronPage.open(true);
  await page.chats();
});

afterEach(() => {
  page.close();
  localStorage.clear();
});

describe("a patron who chats", () => {
  it("cannot leave the chat by a slip on the library's name (D60)", async () => {
    expect(page.root.querySelector(".ask-name")?.textContent).toBe("Maple Library");
    expect(page.root.querySelector(".ask-head a")).toBeNull();
    await page.happens("ended");
    expect(page.root.querySelector(".ask-head a")?.getAttribute("href")).toBe("/ask/maple");
  });

  it("is told to keep the page open while there is no connection (D60)", async () => {
    FakeSocket.last?.onclose?.({ code: 1006, reason: "" });
    await page.drawn();
    expect(page.root.textContent).toMatch(/sent as soon as the connection is back\. Keep this page open\./);
  });

  it("is told that nothing is sent any more from a page that the gateway will not have (D60)", async () => {
    await page.types("message", "Hello");
    page.chat.send();
    FakeSocket.last?.onclose?.({ code: 4400, reason: "" });
    await page.drawn();
    expect(page.root.querySelector(".message-state")?.textContent).toContain("this page can no longer send anything");
    expect(page.root.querySelector("[role=alert]")?.textContent).toContain("copy it first");
  });

  it("sees that the end is on its way, and ends the chat once (D60)", async () => {
    await page.press("End chat");
    const [yes] = [...page.root.querySelectorAll<HTMLElement>("dialog button")].filter(
      (button) => button.textContent === "End chat",
    );
    yes?.click();
    await page.drawn();
    await page.press("Ending …");
    expect(page.root.querySelector("dialog")).toBeNull();
    page.chat.end();
    expect(page.acts.map(({ act }) => act.case)).toEqual(["endSession"]);
    await page.refuses({ code: 9, message: "x" });
    await page.press("End chat");
    expect(page.root.querySelector("dialog")).not.toBeNull();
  });

  it("is not told of a delay by the server's clock, which may go otherwise than theirs (D60)", async () => {
    vi.spyOn(page.chat.link.now, "value", "get").mockReturnValue(Date.now() + 3_600_000);
    await page.types("message", "Hello");
    page.chat.send();
    await page.drawn();
    expect(page.root.querySelector(".message-state")?.textContent).toContain("Sending …");
    vi.restoreAllMocks();
  });

  it("is asked before the page is left with something on its way, and not for what is typed and kept (D60)", async () => {
    const leave = () => dispatchEvent(new Event("beforeunload", { cancelable: true }));
    askBeforeLeaving(() => isChatUnsent(page.chat));
    expect(leave()).toBe(true);
    await page.types("message", "Hello");
    expect(leave()).toBe(true);
    const tab = sessionStorage;
    vi.stubGlobal("sessionStorage", undefined);
    await page.types("message", "Hello!");
    expect(leave()).toBe(false);
    vi.stubGlobal("sessionStorage", tab);
    page.chat.send();
    expect(page.chat.draft.value).toBe("");
    expect(leave()).toBe(false);
    await page.refuses({ code: 9, message: "x" });
    // It is kept only here, to be sent again.
    expect(leave()).toBe(false);
    await page.press("Discard");
    expect(leave()).toBe(true);
  });

  it("takes back what was refused as it is, before what was typed since (R23)", async () => {
    await page.types("message", "Ding \u0007");
    page.chat.send();
    await page.refuses({
      code: 3,
      message: "x",
      fieldViolations: [{ field: "text", description: "remove it" }],
    });
    await page.types("message", "more");
    await page.press("Edit");
    expect(page.chat.draft.value).toBe("Ding \u0007\nmore");
    expect(page.root.querySelector(".failed")).toBeNull();
    expect(document.activeElement?.id).toBe("message");
  });

  it("has the focus at the head of the wait when they wait again (I13, D82)", async () => {
    await page.attends({ state: SessionState.WAITING });
    expect(document.activeElement?.tagName).toBe("H1");
  });
});

describe("a chat that has ended (D56)", () => {
  beforeEach(async () => {
    await page.types("message", "And the map of 18");
    await page.happens("pickedUp");
    await page.says("Your card is 1234.");
    await page.happens("ended");
  });

  it("keeps what was half typed, and takes it and the name into the next question", async () => {
    expect(page.root.querySelector(".unsent")?.textContent).toContain("This was not sent.");
    expect(page.root.querySelector(".unsent")?.textContent).toContain("And the map of 18");
    await page.press("Ask another question");
    expect(page.field("question").value).toBe("And the map of 18");
    expect(page.field("name").value).toBe("Ricky");
    expect(document.activeElement?.id).toBe("question");
  });

  it("leaves nothing behind when the page is cleared, and has the focus in the form (D78)", async () => {
    await page.press("Clear this page");
    expect(page.root.textContent).toContain("This page has been cleared");
    expect([page.field("question").value, page.field("name").value]).toEqual(["", ""]);
    expect(document.activeElement?.id).toBe("question");
  });

  it.each(["Clear this page", "Ask another question"])("is not read out any more after %s (D78)", async (words) => {
    expect(page.root.textContent).toContain("Ms Map: Your card is 1234.");
    await page.press(words);
    expect(page.root.textContent).not.toContain("1234");
  });

  it("is saved under the library's name and the day", async () => {
    const names: string[] = [];
    vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
      names.push(this.download);
    });
    await page.press("Save as text");
    vi.restoreAllMocks();
    expect(names).toEqual([expect.stringMatching(/^chat-maple-2026-11-23-\d{6}\.txt$/)]);
  });
});

describe("a message that was refused before the chat ended, or since (R23, D56)", () => {
  async function ends(): Promise<void> {
    await page.happens("pickedUp");
    await page.happens("ended");
  }
  const shown = () => page.root.querySelector(".unsent blockquote")?.textContent;

  it("stands among what was not sent, and goes into the next question", async () => {
    await page.types("message", "And the map of 1890?");
    page.chat.send();
    await page.types("message", "Or of 1891");
    await ends();
    expect(shown()).toBe("Or of 1891");
    await page.refuses({ code: 9, reason: "ENDED", message: "The session has ended." });
    expect(shown()).toBe("And the map of 1890?\nOr of 1891");
    expect(page.root.querySelector(".failed")).toBeNull();
    await page.press("Ask another question");
    expect(page.field("question").value).toBe("And the map of 1890?\nOr of 1891");
  });

  it("stays in the transcript when it was perhaps sent", async () => {
    await page.types("message", "And the map of 1890?");
    page.chat.send();
    for (let tries = 0; tries < 3; tries += 1) await page.refuses({ code: 13, message: "x" });
    await ends();
    expect(page.root.querySelector(".failed")?.textContent).toContain("May not have been sent.");
    expect(shown()).toBeUndefined();
  });
});
