import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TRANSFER_TEXT_LIMIT } from "../../app/desk/transfer";
import { DeskStage, drawn, QUILL } from "../../testing/desk_stage";

let stage: DeskStage;

/** The user owns session `s`, which is shown, and Mr Quill shares a queue with them. */
beforeEach(async () => {
  stage = await DeskStage.openAtWork();
  await stage.colleagues(QUILL);
});

afterEach(() => stage.end());

/** Checks that each attempt adds the words anew: a screen reader reads only what is added. */
async function saysItAgain(form: string, words: string): Promise<void> {
  await stage.submit(form);
  const [first, ...others] = stage.alerts;
  expect(first?.textContent).toContain(words);
  expect(others).toEqual([]);
  await stage.submit(form);
  const [again, ...more] = stage.alerts;
  expect(again?.textContent).toBe(first?.textContent);
  expect(more).toEqual([]);
  expect(again).not.toBe(first);
}

describe("what is wrong with a second try in the same way is said aloud again (D82)", () => {
  it("of an offer to nobody", async () => {
    await stage.click(/^Transfer …/);
    await saysItAgain(".transfer-form", "Choose a librarian or a queue first.");
  });

  it("of a question to a librarian that is too long", async () => {
    stage.desk.transfers.open("s", "quill");
    await drawn();
    await stage.types("ask-first", "x".repeat(TRANSFER_TEXT_LIMIT + 1));
    await saysItAgain(".ask-first", "too long");
  });

  it("of an address that is none", async () => {
    await stage.click("Web page");
    await stage.types("page-address", "maple");
    await saysItAgain("#page-push", "Enter a full web address");
    expect(stage.alerts[0]?.id).toBe("page-hint");
  });

  it("of a script without a text", async () => {
    await stage.click("Scripts");
    await stage.click("New script");
    await saysItAgain(".new-script", "Give the script a name and a text.");
  });

  it("of a log-in without a name", async () => {
    stage.desk.logOut();
    await drawn();
    await saysItAgain(".log-in form", "Enter your log-in name");
  });
});
