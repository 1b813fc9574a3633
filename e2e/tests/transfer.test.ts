/** A patron is handed over: accepted or declined (R14, R15, D43-D47). The patron is never without an owner. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Desk } from "../src/desk";
import type { PatronPage } from "../src/patron_page";
import { Stage } from "../src/stage";
import { tellStory } from "../src/story";

const COOPERATIVE = "24/7 Cooperative";
const NOTE = "He needs it for a court on Friday.";

let stage: Stage;
let ricky: PatronPage;
let mrLee: Desk;
let msMap: Desk;
let mrReed: Desk;
let admin: Desk;

tellStory(() => stage);

beforeAll(async () => {
  // No offer lapses here, however long its answer takes. lapse.test.ts has one that does.
  stage = await Stage.open({ CARREL_SESSION__TRANSFER_LAPSE: "10m" }, "two_libraries.toml");
  mrLee = await stage.librarian("lee@maple", ["Maple County Library", COOPERATIVE]);
  msMap = await stage.librarian("map@harbor", [COOPERATIVE]);
  mrReed = await stage.librarian("reed@harbor", [COOPERATIVE]);
  admin = await stage.librarian("admin@maple", [COOPERATIVE]);
  ricky = await stage.patron("maple");
  await ricky.ask({ question: "Where is the plat map of 1874?", name: "Ricky" });
  await mrLee.pickUp("Ricky");
  await mrLee.say("One moment, I am looking.");
  await ricky.conversation.shows("One moment, I am looking.");
});

afterAll(async () => {
  await stage?.close();
});

describe("declined", () => {
  test("the other is asked, and reads why", async () => {
    await mrLee.offer("Ricky", "Ms Map", "You know maps.");
    const offer = msMap.offered("Mr Lee", "Ricky");
    await offer.getByText("You know maps.").waitFor();
    await offer.getByText("Where is the plat map of 1874?").waitFor();
    await msMap.visitor.picture("transfer-1-offered");
  });

  test("the owner goes on meanwhile (R15)", async () => {
    await mrLee.say("I am asking a colleague.");
    await ricky.conversation.shows("I am asking a colleague.");
  });

  test("who declines says why, and the patron stays where they are (D45)", async () => {
    const offer = msMap.offered("Mr Lee", "Ricky");
    await offer.getByRole("textbox", { name: /^Reason/ }).fill("On the telephone");
    await offer.getByRole("button", { name: "Decline Ricky from Mr Lee" }).click();
    await mrLee.conversation.shows("Transfer declined: On the telephone");
    await offer.waitFor({ state: "detached" });
    await mrLee.offerBar.waitFor({ state: "detached" });
    await mrLee.row("My Active", "Ricky").or(mrLee.list("My Active")).first().waitFor();
  });

  test("an answer to that in the patron's box is asked about, as any answer to a note (R10)", async () => {
    await mrLee.say("Never mind, Ms Map.");
    await mrLee.answerGuard("note");
    await mrLee.conversation.sent("Never mind, Ms Map.");
    expect(ricky.visitor.everReceived("Never mind, Ms Map.")).toBe(false);
  });
});

describe("asked first", () => {
  const QUESTION = "Can you take somebody who goes to court?";

  test("by IM from the dialog, which stands as a note in the session, too (R14, D17)", async () => {
    await mrLee.page.getByRole("button", { name: "Transfer …" }).click();
    const dialog = mrLee.page.getByRole("dialog", { name: "Transfer Ricky" });
    await dialog.getByRole("radio", { name: /^Mr Reed/ }).check();
    await dialog.getByRole("textbox", { name: "Ask Mr Reed first, by IM" }).fill(QUESTION);
    await dialog.getByRole("button", { name: "Send IM" }).click();
    await mrReed.page.getByRole("dialog", { name: "New IM Request" }).getByText(QUESTION).waitFor();
    await mrReed.page.getByRole("dialog", { name: "New IM Request" }).getByRole("button", { name: "OK" }).click();
    await mrReed.writeIm("Mr Lee", "Gladly.");
    // The answer is shown where the question was asked.
    await dialog.getByRole("list", { name: "What you and Mr Reed wrote" }).getByText("Gladly.").waitFor();
    await mrLee.visitor.picture("transfer-5-asked-first");
    await dialog.getByRole("button", { name: "Cancel" }).click();
    await mrLee.conversation.shows(`IM to Mr Reed: ${QUESTION}`);
    await mrReed.page.getByRole("tab", { name: "Patron Chat" }).click();
  });

  test("the patron hears nothing of it (S43)", () => {
    for (const words of [QUESTION, "Gladly."]) expect(ricky.visitor.everReceived(words)).toBe(false);
  });
});

describe("accepted", () => {
  test("who accepts sees all that was said, with the notes", async () => {
    await mrLee.note(NOTE);
    await mrLee.offer("Ricky", "Mr Reed", "You know the courts.");
    await mrReed.offered("Mr Lee", "Ricky").getByRole("button", { name: "Accept Ricky from Mr Lee" }).click();
    await mrReed.conversation.shows("You accepted this patron from Mr Lee");
    await mrReed.conversation.shows("One moment, I am looking.");
    await mrReed.conversation.shows(NOTE);
    await mrReed.endButton.waitFor();
    await mrReed.visitor.picture("transfer-2-accepted");
  });

  test("the one before reads who has the patron, and can't write any more", async () => {
    await mrLee.page.getByText("Mr Reed has this patron now.").waitFor();
    expect(await mrLee.patronBox.count()).toBe(0);
    await mrLee.visitor.picture("transfer-3-handed-over");
  });

  test("the patron reads in neutral words who answers now, and nothing else (D47)", async () => {
    await ricky.conversation.shows("Mr Reed is now answering you");
    await mrReed.sayToPatron("Good evening, I have the map here.");
    await ricky.conversation.shows("Good evening, I have the map here.");
    await ricky.say("Wonderful!");
    await mrReed.conversation.shows("Wonderful!");
    for (const words of ["You know maps.", "On the telephone", "You know the courts.", NOTE]) {
      expect(ricky.visitor.everReceived(words)).toBe(false);
    }
    await ricky.visitor.picture("transfer-4-patron");
  });
});

describe("accepted by who is inside in conference mode", () => {
  test("they leave conference mode, and may transfer and end (D7)", async () => {
    await admin.enter("Ricky");
    await mrReed.offer("Ricky", "Maple Admin");
    await admin.offered("Mr Reed", "Ricky").getByRole("button", { name: "Accept Ricky from Mr Reed" }).click();
    await admin.conversation.shows("You accepted this patron from Mr Reed");
    await admin.endButton.waitFor();
    await admin.page.getByRole("button", { name: "Transfer …" }).waitFor();
    expect(await admin.banner.count()).toBe(0);
    expect(await admin.leaveButton.count()).toBe(0);
    await mrReed.page.getByText("Maple Admin has this patron now.").waitFor();
    await ricky.conversation.shows("Maple Admin is now answering you");
  });
});

test("after the end, the list and the transcript name all who had the patron, in their order (D46, D49)", async () => {
  await admin.end();
  await admin.page.getByRole("tab", { name: "Transcripts" }).click();
  const names = "Mr Lee, then Mr Reed, then Maple Admin";
  await admin.page
    .getByRole("button", { name: /^Transcript of Ricky/ })
    .filter({ hasText: names })
    .click();
  await admin.page.getByRole("region", { name: "Transcript of Ricky" }).getByText(`with ${names}`).waitFor();
  await admin.visitor.picture("transfer-6-transcript");
});

test("No browser complained: no blocked content, no script error", () => {
  expect(stage.complaints).toEqual([]);
});
