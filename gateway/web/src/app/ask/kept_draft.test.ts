import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SessionState } from "../../gen/carrel/session/v1/session_pb";
import { FakeSocket } from "../../testing/gateway";
import { PatronPage } from "../../testing/patron_page";
import { PatronChat } from "./chat";

const KEY = "carrel.draft.ask.maple";

let page: PatronPage;

beforeEach(async () => {
  page = await PatronPage.open(true);
  await page.chats();
  await page.types("message", "And the map of 18");
});

afterEach(() => {
  page.close();
  localStorage.clear();
});

const kept = () => sessionStorage.getItem(KEY);

/** Loads the page anew in the same tab, and returns its chat. */
async function reload(): Promise<PatronChat> {
  page.chat.link.stop();
  const chat = new PatronChat("maple", false);
  await chat.begin();
  return chat;
}

describe("a message that a patron has begun (R8, D78)", () => {
  it("is still there after a reload, and in no other storage", async () => {
    const chat = await reload();
    expect(chat.draft.value).toBe("And the map of 18");
    expect(JSON.stringify({ ...localStorage }) + document.cookie).not.toContain("map of 18");
    chat.link.stop();
  });

  it("is kept no longer once it is sent", () => {
    page.chat.send();
    expect(kept()).toBeNull();
  });

  it("is kept no longer once the chat has ended, but stays on the page", async () => {
    await page.happens("ended");
    expect(page.chat.draft.value).toBe("And the map of 18");
    expect(kept()).toBeNull();
    await page.press("Clear this page");
    expect([page.chat.draft.value, kept()]).toEqual(["", null]);
  });

  it("is kept no longer when the chat was left in another tab", async () => {
    localStorage.setItem("carrel.left.s", "1");
    const chat = await reload();
    expect([chat.draft.value, kept()]).toEqual(["", null]);
  });

  it("turns up in no other chat when the patron is let in no longer", async () => {
    const chat = await reload();
    FakeSocket.last?.onclose?.({ code: 4401, reason: "" });
    await expect.poll(() => chat.stage.value).toBe("form");
    expect([chat.draft.value, kept()]).toEqual(["", null]);
  });

  it("is not another chat's", async () => {
    sessionStorage.setItem(KEY, JSON.stringify({ sessionId: "other", text: "Secret" }));
    const chat = await reload();
    expect([chat.draft.value, kept()]).toEqual(["", null]);
    chat.link.stop();
  });

  it("is kept while the patron waits again", async () => {
    await page.attends({ state: SessionState.WAITING });
    expect(kept()).toContain("map of 18");
  });
});
