import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SessionState } from "../../gen/carrel/session/v1/session_pb";
import { PatronPage } from "../../testing/patron_page";

let page: PatronPage;

beforeEach(async () => {
  page = await PatronPage.open(true);
});

afterEach(() => page.close());

const dialog = () => page.root.querySelector("dialog");

/** Answers the question with the button of these words. */
async function answer(words: string): Promise<void> {
  [...(dialog()?.querySelectorAll("button") ?? [])].find((button) => button.textContent === words)?.click();
  await page.drawn();
}

const PLACES = [
  { place: "in the chat", state: SessionState.ACTIVE, word: "End chat", otherwise: "Keep chatting", busy: "Ending …" },
  {
    place: "in the queue",
    state: SessionState.WAITING,
    word: "Leave the queue",
    otherwise: "Keep waiting",
    busy: "Leaving …",
  },
];

describe.each(PLACES)("a patron who ends it $place (D60)", ({ state, word, otherwise, busy }) => {
  it("is asked first, and ends it once", async () => {
    await page.attends({ state });
    await page.press(word);
    expect(dialog()?.getAttribute("role")).toBe("alertdialog");
    await answer(otherwise);
    expect(dialog()).toBeNull();
    expect(page.acts).toEqual([]);
    await page.press(word);
    await answer(word);
    await page.press(busy);
    expect(dialog()).toBeNull();
    expect(page.acts.map(({ act }) => act.case)).toEqual(["endSession"]);
  });

  it("reads why it was refused, and can try again what may have been done", async () => {
    await page.attends({ state });
    await page.press(word);
    await answer(word);
    for (let tries = 0; tries < 3; tries += 1) {
      expect(page.root.querySelector("[role=alert]")).toBeNull();
      await page.refuses({ code: 13, reason: "LOG_REFUSED", message: "The log could not take this." });
    }
    expect(page.root.querySelector("[role=alert]")?.textContent).toBe(
      "It is not certain whether this was done. The log could not take this.",
    );
    await page.press(word);
    await answer(word);
    expect(page.root.querySelector("[role=alert]")).toBeNull();
    const [first, again, ...more] = page.acts.map(({ commandId }) => commandId);
    expect(again).toBe(first);
    expect(more).toEqual([]);
  });
});

describe("what the librarian writes while a patron is asked whether to end the chat (D82)", () => {
  it("is read out in the dialog, since nothing outside of it is", async () => {
    await page.chats();
    await page.press("End chat");
    await page.says("One more thing!");
    expect(dialog()?.querySelector("[aria-live]")?.textContent).toBe("Ms Map: One more thing!");
  });
});
