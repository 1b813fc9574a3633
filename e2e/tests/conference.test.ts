/**
 * S46: the original text's own example, sentence by sentence, with three people in three browsers.
 *
 * Ms Map of Harbor answers Ricky, a patron of Maple. The administrator of Maple looks in.
 */
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { violations } from "../src/accessibility";
import type { Desk } from "../src/desk";
import type { PatronPage } from "../src/patron_page";
import { Stage } from "../src/stage";
import { tellStory } from "../src/story";

const QUESTION = "Where can I find maps of Sugar Creek around 1890?";
const HELLO = "Hello Ricky, this is Ms Map. Do you need a printed map?";
const REPLY = "Printed or scanned, both are fine.";
const SUGGESTION = "Try our county atlas of 1888, sheet 14. It is scanned.";
const THANKS = "Thanks, I did not know that one. I will tell him.";
const SECOND_NOTE = "It is in the local history room too.";
const TOLD = "There is a county atlas with a map of Sugar Creek.";
const GOODBYE = "That is what I was looking for.";

/** Nothing of this may ever reach Ricky's browser. */
const SECRETS = ["Maple Admin", SUGGESTION, THANKS, SECOND_NOTE];

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
});

afterAll(async () => {
  await stage?.close();
});

describe("Ms Map answers in the Notes tab", () => {
  tellStory(() => stage);
  let ricky: PatronPage;
  let msMap: Desk;
  let admin: Desk;

  test("Ricky asks on his library's page and waits", async () => {
    ricky = await stage.patron("maple");
    await ricky.ask({ question: QUESTION, name: "Ricky" });
    await ricky.waiting.waitFor();
    await ricky.visitor.picture("1-ricky-waits");
  });

  test("Chatting librarian Ms Map picks up patron, Ricky", async () => {
    msMap = await stage.librarian("map@harbor", ["Maple County Library"]);
    const row = msMap.row("New", "Ricky");
    await row.waitFor();
    expect(await row.textContent()).toContain("Maple County Library");
    await msMap.pickUp("Ricky");
    await msMap.conversation.shows(QUESTION);
    await ricky.conversation.shows("Ms Map joined the chat");
    await msMap.say(HELLO);
    await ricky.conversation.shows(HELLO);
    await ricky.say(REPLY);
    await msMap.conversation.shows(REPLY);
  });

  test("Admin for Ricky's library sees the session in the All tab (S4, S5)", async () => {
    admin = await stage.librarian("admin@maple");
    await admin.show("All");
    const row = admin.row("All", "Ricky");
    await row.waitFor();
    expect(await row.textContent()).toContain("Ms Map");
  });

  test("When the Admin clicks on the session, Admin will get this warning (S9)", async () => {
    await admin.openFromAll("Ricky");
    await admin.warning.waitFor();
    const text = (await admin.warning.textContent()) ?? "";
    expect(text).toMatch(/not told|does not know|no notice/i);
    expect(await admin.conversation.items.count()).toBe(0);
    await admin.visitor.picture("2-admin-is-warned");
  });

  test("… and must click OK in order to enter the session: Cancel does not (S10, R1)", async () => {
    await admin.warning.getByRole("button", { name: "Cancel" }).click();
    await admin.warning.waitFor({ state: "detached" });
    expect(await admin.conversation.items.count()).toBe(0);
    expect(await admin.banner.count()).toBe(0);
    expect(admin.visitor.everReceived(REPLY)).toBe(false);
  });

  test("The chatting librarian does not get any notice when the Admin decides to join (S11, R4)", async () => {
    const seenBefore = await msMap.visibleText();
    const heardBefore = await ricky.visibleText();
    await admin.enter("Ricky");
    // Sent to everyone after the entry: anything that the entry had caused would have arrived before it.
    await ricky.say("Are you still there?");
    await msMap.conversation.shows("Are you still there?");
    await admin.conversation.shows("Are you still there?");
    expect(await msMap.visibleText()).toEqual([...seenBefore, expect.stringContaining("Are you still there?")]);
    expect(await ricky.visibleText()).toEqual([...heardBefore, expect.stringContaining("Are you still there?")]);
    expect(msMap.visitor.everReceived("Maple Admin")).toBe(false);
    expect(ricky.visitor.everReceived("Maple Admin")).toBe(false);
  });

  test("Now the Admin will see all messages between the chatting librarian and the patron (S12, R3)", async () => {
    for (const text of [QUESTION, HELLO, REPLY, "Are you still there?"]) await admin.conversation.shows(text);
  });

  test("Note the Admin's chat monitor indicates “In Conference Mode” (S13)", async () => {
    await admin.banner.waitFor();
    expect(await msMap.banner.count()).toBe(0);
    // R9: after the entry the focus is in the Notes box.
    expect(await admin.notesBox.evaluate((box) => box === document.activeElement)).toBe(true);
    await admin.visitor.picture("3-admin-in-conference-mode");
  });

  test("The Admin can leave, and cannot end the session (S14, D5, R6)", async () => {
    await admin.leaveButton.waitFor();
    expect(await admin.endButton.count()).toBe(0);
    expect(await msMap.endButton.count()).toBe(1);
  });

  test("The Notes tab is in the lower left of the chat monitor (S17)", async () => {
    for (const desk of [admin, msMap]) {
      const tab = await desk.notesTab.boundingBox();
      const page = desk.page.viewportSize();
      if (tab === null || page === null) throw new Error("the Notes tab can't be seen");
      expect(tab.x + tab.width).toBeLessThan(page.width / 2);
      expect(tab.y).toBeGreaterThan(page.height / 2);
    }
  });

  test("The Admin may send a note to the chatting librarian using the Notes tab (S24)", async () => {
    await admin.note(SUGGESTION);
    await admin.conversation.shows(SUGGESTION);
  });

  test("The Admin's note appears to the chatting librarian in the messages area (S25)", async () => {
    await msMap.conversation.shows(SUGGESTION);
    await msMap.visitor.picture("4-ms-map-sees-the-note");
  });

  test("… identifies the name of the sender, with the word “Note” before the message (S26, S28)", async () => {
    const text = await msMap.conversation.item(SUGGESTION).textContent();
    expect(text).toMatch(/Note.*Maple Admin.*Try our county atlas/s);
  });

  test("… and the text is in a different color from the patron messages (S27)", async () => {
    const note = await msMap.colourOf(SUGGESTION);
    const message = await msMap.colourOf(REPLY);
    expect(note).not.toEqual(message);
  });

  test("This is the first indication that the chatting librarian has (S29)", async () => {
    const firstTrace = msMap.visitor.received.findIndex((frame) => frame.includes("Maple Admin"));
    expect(msMap.visitor.received[firstTrace]?.includes(SUGGESTION)).toBe(true);
  });

  test("The patron does not see this note (S21, S30)", async () => {
    await expectNoTrace(ricky);
  });

  test("Both can send messages back and forth using the message box in the Notes tab (S31)", async () => {
    await msMap.note(THANKS);
    await admin.conversation.shows(THANKS);
    await admin.note(SECOND_NOTE);
    await msMap.conversation.shows(SECOND_NOTE);
    expect(await admin.conversation.item(THANKS).textContent()).toMatch(/Note.*Ms Map/s);
  });

  test("Ms Map passes the information along to the patron", async () => {
    // The newest thing is a note, so the page asks (R10).
    await msMap.sayToPatron(TOLD);
    await ricky.conversation.shows(TOLD);
    await expectNoTrace(ricky);
  });

  test("The Admin may leave at any time by clicking “Leave Session” (S14)", async () => {
    await admin.leaveButton.click();
    await admin.banner.waitFor({ state: "detached" });
    await admin.show("All");
    await admin.row("All", "Ricky").waitFor();
  });

  test("This does not disconnect the patron and the chatting librarian (S15, S16)", async () => {
    await ricky.say(GOODBYE);
    await msMap.conversation.shows(GOODBYE);
    await msMap.say("Good luck with it!");
    await ricky.conversation.shows("Good luck with it!");
    expect(await ricky.connection()).toBe("Connected");
    expect(await msMap.connection()).toBe("Connected");
  });

  test("Ms Map ends the session, after a confirmation, for everyone (D6, D52)", async () => {
    await ricky.visitor.picture("5-ricky-before-the-end");
    await msMap.end();
    await ricky.ended.waitFor();
    await ricky.conversation.shows("Ms Map ended the chat");
    await admin.row("All", "Ricky").waitFor({ state: "detached" });
  });

  test("Ms Map is asked how it ended, is free all the same, and says so and what it was about when she has time (R16, D65)", async () => {
    await msMap.page.getByRole("group", { name: "How did it end?" }).waitFor();
    await msMap.visitor.picture("5-ms-map-is-asked-how-it-ended");
    await msMap.page.getByRole("button", { name: "Not now" }).click();
    await msMap.page.getByText("Resolution: Not coded yet").waitFor();
    await msMap.page.getByRole("button", { name: /^Set …/ }).click();
    // The list is that of Maple, the patron's library, and not of Ms Map's own (D41).
    await msMap.choose("Genealogy", "gen");
    await msMap.choose("Local history", "hist");
    await msMap.page.getByRole("combobox", { name: /^What was it about/ }).press("ArrowDown");
    expect(await violations(msMap.page)).toEqual([]);
    await msMap.visitor.picture("5-ms-map-says-what-it-was-about");
    await msMap.page.setViewportSize({ width: 360, height: 740 });
    await msMap.visitor.picture("5-ms-map-says-what-it-was-about-phone");
    await msMap.page.setViewportSize({ width: 1280, height: 800 });
    await msMap.page.getByRole("combobox", { name: /^What was it about/ }).press("Escape");
    await msMap.resolve("Answered");
    await msMap.conversation.shows("You set the resolution to: Answered");
    await msMap.conversation.shows("You set the descriptive codes to: Genealogy, Local history");
    await msMap.page.getByText("About: Genealogy, Local history", { exact: true }).waitFor();
  });

  test("The notes are in the librarian's view of the transcript and not in the patron's (S20, S22)", async () => {
    for (const note of [SUGGESTION, THANKS, SECOND_NOTE]) await msMap.conversation.shows(note);
    const transcript = await ricky.conversation.text();
    for (const text of [QUESTION, HELLO, REPLY, TOLD, GOODBYE]) {
      expect(transcript.filter((line) => line.includes(text))).toHaveLength(1);
    }
    await expectNoTrace(ricky);
    expect(transcript.join()).not.toContain("Genealogy");
    await ricky.visitor.picture("6-ricky-reads-the-transcript");
  });

  test("A reviewing librarian who was not in the session can read the notes later (S23)", async () => {
    const reviewer = await stage.librarian("ask@maple");
    await reviewer.review("Ricky");
    await reviewer.conversation.shows(SUGGESTION);
    await reviewer.conversation.shows("Ms Map set the resolution to: Answered");
  });

  test("… and can correct how it ended (R16)", async () => {
    const reviewer = await stage.librarian("ask@maple");
    await reviewer.page.getByRole("tab", { name: "Transcripts" }).click();
    const row = reviewer.page.getByRole("list", { name: "Ended sessions" }).getByRole("listitem");
    await row.getByRole("button", { name: /^Correct …/ }).click();
    const about = row.getByRole("combobox", { name: /^What was it about/ });
    await about.press("ArrowDown");
    await row.getByRole("option", { name: "Opening hours" }).waitFor();
    await reviewer.visitor.picture("6-reviewer-may-correct-what-it-was-about");
    await about.press("Escape");
    await reviewer.resolve("Follow-up by the patron's library", row);
    await msMap.conversation.shows("corrected the resolution to: Follow-up by the patron's library");
    await reviewer.visitor.picture("6-reviewer-has-corrected-it");
  });

  test("… and finds what is left for the library to follow up (D71)", async () => {
    const reviewer = await stage.librarian("ask@maple");
    await reviewer.page.getByRole("tab", { name: "Transcripts" }).click();
    const row = reviewer.page.getByRole("button", { name: /^Transcript of Ricky/ });
    const resolution = reviewer.page.getByRole("combobox", { name: "Resolution" });
    await resolution.selectOption("Not coded yet");
    await reviewer.page.getByText("No ended session matches.").first().waitFor();
    await reviewer.visitor.picture("6-reviewer-finds-nothing");
    await resolution.selectOption("Follow-up by the patron's library");
    await row.waitFor();
    await reviewer.page.getByRole("searchbox", { name: "Search" }).fill("ms map");
    await reviewer.page.getByRole("searchbox", { name: "Search" }).press("Enter");
    await row.waitFor();
    const about = reviewer.page.getByRole("combobox", { name: "About" });
    await about.selectOption("Fines");
    await reviewer.page.getByText("No ended session matches.").first().waitFor();
    await about.selectOption("Genealogy");
    await row.waitFor();
    await reviewer.visitor.picture("6-reviewer-finds-it");
  });

  test("… and counts it in the report of these days (D71)", async () => {
    const reviewer = await stage.librarian("ask@maple");
    await reviewer.page.getByRole("tab", { name: "Reports" }).click();
    const row = (name: RegExp) => reviewer.page.getByRole("row", { name });
    await row(/^Follow-up by the patron's library 1 100%/).waitFor();
    await row(/^Ms Map, .* 1 /).waitFor();
    await row(/^Local history 1 100%/).waitFor();
    expect(await violations(reviewer.page)).toEqual([]);
    // The report scrolls in its place, and the page around it stays.
    expect(await reviewer.page.evaluate(() => document.documentElement.scrollHeight - innerHeight)).toBe(0);
    await reviewer.visitor.picture("6-reviewer-reads-the-report");
    const saved = reviewer.page.waitForEvent("download");
    await reviewer.page.getByRole("button", { name: "Save as CSV" }).click();
    const lines = (await readFile(await (await saved).path(), "utf8")).trimEnd().split("\r\n");
    expect(lines).toHaveLength(31);
    expect(lines.filter((line) => /^\d{4}-\d\d-\d\d,1,1,0,/.test(line))).toHaveLength(1);
  });

  test("The audit says into which session the Admin went, and leads to its transcript (R21)", async () => {
    const reader = await stage.librarian("admin@maple");
    await reader.page.getByRole("tab", { name: "Audit" }).click();
    const entry = reader.page.getByRole("row").filter({ hasText: "Entered conference mode" });
    await entry.first().waitFor();
    await reader.visitor.picture("6-audit");
    await entry
      .first()
      .getByRole("button", { name: /^Transcript of Ricky, asked / })
      .click();
    await reader.page.getByRole("region", { name: "Transcript of Ricky" }).getByText("with Ms Map").waitFor();
    await reader.conversation.shows(SUGGESTION);
    await reader.visitor.picture("6-audit-leads-to-transcript");
  });
});

describe("Ms Map answers by mistake in the chat box", () => {
  tellStory(() => stage);
  const question = "Do you have the Sugar Creek Herald of 1912?";
  const hint = "Ask whether the microfilm reader is free.";
  const mistake = "Oh thanks, I forgot that we have the microfilm.";
  let ricky: PatronPage;
  let msMap: Desk;
  let admin: Desk;

  test("the chatting librarian sees the note from the Admin librarian", async () => {
    ricky = await stage.patron("maple");
    await ricky.ask({ question, name: "Ricky" });
    msMap = await stage.librarian("map@harbor", ["Maple County Library"]);
    await msMap.pickUp("Ricky");
    await msMap.say("One moment, I am looking.");
    await ricky.conversation.shows("One moment, I am looking.");
    admin = await stage.librarian("admin@maple");
    await admin.enter("Ricky");
    await admin.note(hint);
    await msMap.conversation.shows(hint);
  });

  test("… but replies in the chat box, not via the Notes tab: the page asks once, and nothing is sent (R10)", async () => {
    await msMap.say(mistake);
    await msMap.guard.waitFor();
    expect(await msMap.guard.textContent()).toContain("Send to the patron, or as a note?");
    // Enter gives the safe answer.
    const focused = await msMap.guard.evaluate((dialog) => dialog.ownerDocument.activeElement?.textContent ?? "");
    expect(focused).toMatch(/note/i);
    expect(ricky.visitor.everReceived(mistake)).toBe(false);
    await msMap.visitor.picture("7-ms-map-is-asked");
  });

  test("… which will potentially confuse Ricky the patron, if she insists (S33)", async () => {
    await msMap.answerGuard("patron");
    await ricky.conversation.shows(mistake);
    await admin.conversation.shows(mistake);
    expect(ricky.visitor.everReceived(hint)).toBe(false);
    expect(ricky.visitor.everReceived("Maple Admin")).toBe(false);
    await ricky.visitor.picture("8-ricky-is-confused");
  });

  test("A note as the answer to the question of the page reaches staff only", async () => {
    await admin.note("That went to the patron!");
    await msMap.conversation.shows("That went to the patron!");
    await msMap.say("Oh no, I see.");
    await msMap.guard.waitFor();
    await msMap.page.keyboard.press("Enter");
    await admin.conversation.shows("Oh no, I see.");
    expect(await admin.conversation.item("Oh no, I see.").textContent()).toMatch(/Note/);
    await ricky.say("What microfilm?");
    await msMap.conversation.shows("What microfilm?");
    expect(ricky.visitor.everReceived("Oh no, I see.")).toBe(false);
  });

  test("The Admin can send messages and pages to the patron just as the chatting librarian (S7, S8)", async () => {
    await admin.say("Hello Ricky, your library here. The reader is free.");
    await ricky.conversation.shows("Hello Ricky, your library here. The reader is free.");
    expect(await ricky.conversation.item("your library here").textContent()).toContain("Maple Admin");
    await admin.pushPage("https://maple.example/microfilm");
    const page = await ricky.conversation.shows("https://maple.example/microfilm");
    expect(await page.getByRole("link").getAttribute("href")).toBe("https://maple.example/microfilm");
  });
});

describe("Who may not", () => {
  test("a librarian without the privilege has no All list (S3)", async () => {
    const lee = await stage.librarian("lee@maple");
    await lee.list("My Active").waitFor();
    expect(await lee.list("All").count()).toBe(0);
  });

  test("an administrator of another library does not see Maple's sessions (S1)", async () => {
    const other = await stage.librarian("admin@harbor");
    await other.show("All");
    expect(await other.row("All", "Ricky").count()).toBe(0);
    expect(other.visitor.everReceived("Ricky")).toBe(false);
  });
});

test("No browser complained: no blocked content, no script error", () => {
  expect(stage.complaints).toEqual([]);
});

async function expectNoTrace(patron: PatronPage): Promise<void> {
  const page = (await patron.page.content()) + (await patron.page.title());
  for (const secret of SECRETS) {
    expect(page).not.toContain(secret);
    expect(patron.visitor.everReceived(secret)).toBe(false);
  }
}
