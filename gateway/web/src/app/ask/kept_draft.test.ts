import { create } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DetachedSchema } from "../../gen/carrel/gateway/v1/frames_pb";
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

/** The gateway refuses to let the reloaded page take part. */
function refuses(refusal: { code: number; reason: string }): void {
  FakeSocket.last?.open();
  FakeSocket.last?.push({ case: "detached", value: create(DetachedSchema, { sessionId: "s", refusal }) });
}

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
    // It waits for the word that the chat runs.
    expect([chat.draft.value, chat.unsent.value, chat.returning.isDraftKept]).toEqual(["", "And the map of 18", true]);
    FakeSocket.last?.open();
    await page.attends({ state: SessionState.ACTIVE });
    expect([chat.draft.value, chat.returning.isDraftKept]).toEqual(["And the map of 18", true]);
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

  it("is shown to nobody who loads a page whose chat has ended meanwhile", async () => {
    const chat = await reload();
    FakeSocket.last?.open();
    await page.attends({ state: SessionState.ENDED });
    expect(chat.stage.value).toBe("ended");
    expect([chat.draft.value, chat.unsent.value, kept()]).toEqual(["", "", null]);
  });

  it("is shown to nobody either when the return is refused because the chat has ended", async () => {
    const chat = await reload();
    refuses({ code: 9, reason: "ENDED" });
    await expect.poll(() => chat.stage.value).toBe("form");
    expect([chat.draft.value, chat.unsent.value, kept()]).toEqual(["", "", null]);
  });

  it("goes into the form, and into no other chat's box, when the patron is let in no longer", async () => {
    const chat = await reload();
    FakeSocket.last?.onclose?.({ code: 4401, reason: "" });
    await expect.poll(() => chat.stage.value).toBe("form");
    expect([chat.asking.value.question, chat.draft.value, kept()]).toEqual(["And the map of 18", "", null]);
  });

  it("goes into the form when the return is refused", async () => {
    const chat = await reload();
    refuses({ code: 5, reason: "NOT_FOUND" });
    await expect.poll(() => chat.stage.value).toBe("form");
    expect([chat.asking.value.question, chat.draft.value, kept()]).toEqual(["And the map of 18", "", null]);
  });

  it("goes into the form when the patron no longer waits for the return", async () => {
    const chat = await reload();
    chat.askAnother();
    expect([chat.asking.value.question, chat.draft.value, kept()]).toEqual(["And the map of 18", "", null]);
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
