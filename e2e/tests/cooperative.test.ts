/**
 * A desk of two libraries: four librarians, an administrator and two patrons. Waits go on to the cooperative,
 * librarians see who is here and talk to one another, and a supervisor who is inside silently appears nowhere.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Desk } from "../src/desk";
import { press, tabTo } from "../src/keyboard";
import type { PatronPage } from "../src/patron_page";
import { Stage } from "../src/stage";
import { tellStory } from "../src/story";

const MAPLE = "Maple County Library";
const COOPERATIVE = "24/7 Cooperative";

let stage: Stage;
let mrLee: Desk;
let msQuill: Desk;
let msMap: Desk;
let mrReed: Desk;
let admin: Desk;
let ricky: PatronPage;
let rosa: PatronPage;

tellStory(() => stage);

beforeAll(async () => {
  stage = await Stage.open({}, "two_libraries.toml");
  mrLee = await stage.librarian("lee@maple", [MAPLE, COOPERATIVE]);
  msQuill = await stage.librarian("quill@maple", [MAPLE]);
  msMap = await stage.librarian("map@harbor", [COOPERATIVE]);
  mrReed = await stage.librarian("reed@harbor", [COOPERATIVE]);
  admin = await stage.librarian("admin@maple");
});

afterAll(async () => {
  await stage?.close();
});

describe("a wait goes on (R17, D29)", () => {
  test("at first, only librarians of the patron's own library see them", async () => {
    ricky = await stage.patron("maple");
    await ricky.ask({ question: "Where is the plat map of 1874?", name: "Ricky" });
    await ricky.waiting.waitFor();
    await mrLee.row("New", "Ricky").waitFor();
    await msQuill.row("New", "Ricky").waitFor();
  });

  test("after a while, those of the cooperative see them too, marked as escalated", async () => {
    await msMap.row("New", "Ricky").filter({ hasText: "escalated" }).waitFor();
    await mrReed.row("New", "Ricky").waitFor();
    await msMap.visitor.picture("cooperative-1-escalated");
  });

  test("a librarian of the other library picks the patron up, and the others read who did", async () => {
    // The others see it only for some seconds, which may be over by the time her own page is complete.
    const pickedUp = msQuill.row("New", "Ricky").filter({ hasText: "Ms Map picked this patron up" });
    await Promise.all([pickedUp.waitFor(), msMap.pickUp("Ricky")]);
    await ricky.conversation.shows("Ms Map joined the chat");
  });

  test("the patron never hears of queues (D47)", () => {
    for (const word of ["coop", "backup", "escalat"]) expect(ricky.visitor.everReceived(word)).toBe(false);
  });

  test("another patron is picked up at home", async () => {
    rosa = await stage.patron("maple");
    await rosa.ask({ question: "May I bring my dog?", name: "Rosa" });
    await mrLee.pickUp("Rosa");
    await rosa.conversation.shows("Mr Lee joined the chat");
  });
});

describe("what the patron's library wants its helpers to know (D37)", () => {
  const POLICY = "Plat maps may be photographed, and never leave the house.";

  test("is one click from the session, and that of other libraries one choice more", async () => {
    await msMap.page.getByRole("button", { name: "Policy", exact: true }).click();
    const policy = msMap.page.getByRole("region", { name: "Policy, staff only" });
    await policy.getByText(POLICY).waitFor();
    await policy.getByText("Corrections to: desk@maple.example").waitFor();
    await policy.getByRole("combobox", { name: "Policy of" }).selectOption({ label: "Harbor City Library" });
    await policy.getByText("This library has not added a policy here.").waitFor();
    await policy.getByRole("button", { name: "Close the policy" }).click();
    await policy.waitFor({ state: "detached" });
  });

  test("never comes to a patron", () => {
    for (const patron of [ricky, rosa]) {
      for (const words of [POLICY, "desk@maple.example"]) expect(patron.visitor.everReceived(words)).toBe(false);
    }
  });
});

describe("who is here (S39, D18, D19)", () => {
  test("librarians see those who monitor a queue of theirs, with what they have in hand", async () => {
    await msMap.show("Librarians");
    await msMap.colleague("Mr Lee").waitFor();
    expect(await msMap.colleagues()).toEqual(["Mr Lee", "Mr Reed"]);
    const cells = () => msMap.colleague("Mr Lee").getByRole("cell").allTextContents();
    // The row appears before it says what he picked up last.
    await expect.poll(async () => (await cells()).slice(0, 2), { timeout: 30_000 }).toEqual(["2", "1"]);
    expect((await cells())[2]).toContain(`${MAPLE} (${MAPLE})`);
    await msQuill.show("Librarians");
    await msQuill.colleague("Mr Lee").waitFor();
    expect(await msQuill.colleagues()).toEqual(["Mr Lee"]);
  });

  test("an administrator sees all of their own library, by their real names where there is one", async () => {
    await admin.show("Librarians");
    await admin.colleague("Ms Quill").waitFor();
    expect(await admin.colleagues()).toEqual(["Mr Lee", "Ms Quill"]);
  });

  test("another status is seen at once (R19)", async () => {
    await mrReed.page.getByRole("combobox", { name: "Status" }).selectOption({ label: "Busy" });
    await msMap.colleague("Mr Reed").filter({ hasText: "Busy" }).waitFor();
    await msMap.visitor.picture("cooperative-2-who-is-here");
  });

  test("who is inside silently is nowhere to be found (I18)", async () => {
    const before = await msMap.page.getByRole("table", { name: "Librarians" }).textContent();
    await admin.enter("Ricky");
    // Sent to everyone after the entry: anything that the entry had caused would have arrived before it.
    await mrReed.page.getByRole("combobox", { name: "Status" }).selectOption({ label: "Away" });
    await msMap.colleague("Mr Reed").filter({ hasText: "Away" }).waitFor();
    await mrReed.page.getByRole("combobox", { name: "Status" }).selectOption({ label: "Busy" });
    await msMap.colleague("Mr Reed").filter({ hasText: "Busy" }).waitFor();
    expect(await msMap.page.getByRole("table", { name: "Librarians" }).textContent()).toBe(before);
    for (const desk of [msMap, mrReed, mrLee, msQuill]) {
      expect(desk.visitor.everReceived("Maple Admin")).toBe(false);
    }
  });
});

describe("librarians talk to one another (S36-S43)", () => {
  test("from the menu of a right-click, and the other is asked (S40, S41, D16)", async () => {
    await msMap.colleague("Mr Lee").click({ button: "right" });
    const menu = msMap.page.getByRole("menu", { name: "What to do with Mr Lee" });
    await menu.waitFor();
    await msMap.visitor.picture("cooperative-3-menu");
    await menu.getByRole("menuitem", { name: "Start IM Session" }).click();
    await msMap.writeIm("Mr Lee", "Is the plat map with you?");
    const request = mrLee.page.getByRole("dialog", { name: "New IM Request" });
    await request.getByText("Is the plat map with you?").waitFor();
    await mrLee.visitor.picture("cooperative-4-request");
    await request.getByRole("button", { name: "OK" }).click();
    await mrLee.imShows("Ms Map", "Is the plat map with you?");
  });

  test("the other answers, and the first reads that it was read (D21)", async () => {
    await mrLee.writeIm("Ms Map", "Yes, in drawer 7.");
    await msMap.imShows("Mr Lee", "Yes, in drawer 7.");
    await msMap.page
      .getByRole("log", { name: "Messages with Mr Lee" })
      .getByRole("listitem")
      .filter({ hasText: "Is the plat map with you?" })
      .filter({ hasText: "Read" })
      .waitFor();
    await msMap.visitor.picture("cooperative-5-im");
  });

  test("with a keyboard and nothing else (D83)", async () => {
    const { page } = mrReed;
    // The mouse was used before.
    await page.keyboard.press("Tab");
    await tabTo(page, mrReed.list("New"));
    await page.keyboard.press("End");
    await tabTo(page, mrReed.colleague("Mr Lee").getByRole("button", { name: "Mr Lee", exact: true }));
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Shift+F10");
    await page.getByRole("menu", { name: "What to do with Ms Map" }).waitFor();
    await page.keyboard.press("Enter");
    await page.getByRole("textbox", { name: /^To Ms Map/ }).waitFor();
    await page.keyboard.type("Do you need a hand?");
    await page.keyboard.press("Enter");
    await msMap.page.getByRole("dialog", { name: "New IM Request" }).getByText("Do you need a hand?").waitFor();
    await press(
      msMap.page,
      msMap.page.getByRole("dialog", { name: "New IM Request" }).getByRole("button", { name: "OK" }),
    );
    await msMap.imShows("Mr Reed", "Do you need a hand?");
  });

  test("all who monitor a queue, in its staff room, and nobody else (D15)", async () => {
    const words = "The copier is out of order.";
    await mrReed.page.getByRole("tab", { name: /^IM/ }).click();
    await mrReed.page.getByRole("button", { name: `Open the staff room of ${COOPERATIVE}` }).click();
    await mrReed.writeIm(`the staff of ${COOPERATIVE}`, words);
    for (const desk of [msMap, mrLee]) {
      await desk.page.getByRole("tab", { name: /^IM/ }).click();
      await desk.page.getByRole("button", { name: new RegExp(`^Open the staff room of ${COOPERATIVE}`) }).click();
      await desk.imShows(COOPERATIVE, words);
    }
    await msMap.visitor.picture("cooperative-6-staff-room");
    for (const someone of [msQuill, admin, ricky, rosa]) expect(someone.visitor.everReceived(words)).toBe(false);
  });

  test("nobody else and no patron ever hears of it (S43)", () => {
    for (const words of ["Is the plat map with you?", "Yes, in drawer 7."]) {
      for (const someone of [mrReed, msQuill, admin, ricky, rosa]) {
        expect(someone.visitor.everReceived(words)).toBe(false);
      }
    }
  });
});

test("No browser complained: no blocked content, no script error", () => {
  expect(stage.complaints).toEqual([]);
});
