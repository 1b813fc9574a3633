/** A patron closes the tab by mistake, or leaves a computer that others use (R8, D51, D78, K12). */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { violations } from "../src/accessibility";
import type { Desk } from "../src/desk";
import { press } from "../src/keyboard";
import { PatronPage } from "../src/patron_page";
import { Site } from "../src/site";
import { Stage } from "../src/stage";
import { tellStory } from "../src/story";
import type { Visitor } from "../src/visitor";
import { Widget } from "../src/widget";

const QUESTION = "Where is the plat map of 1874?";

let site: Site;
let stage: Stage;
let ricky: PatronPage;
let second: PatronPage;
let mrLee: Desk;

tellStory(() => stage);

beforeAll(async () => {
  site = await Site.open();
  const settings = { CARREL_GATEWAY__EMBEDDING_ORIGINS: JSON.stringify([site.origin]) };
  stage = await Stage.open(settings, "two_libraries.toml");
  site.embed(stage.carrel.page(""));
  ricky = await stage.patron("maple");
  await ricky.ask({ question: QUESTION, name: "Ricky" });
  mrLee = await stage.librarian("lee@maple", ["Maple County Library"]);
  await mrLee.pickUp("Ricky");
  await mrLee.say("One moment, I am looking.");
  await ricky.conversation.shows("One moment, I am looking.");
});

afterAll(async () => {
  await stage?.close();
  await site?.close();
});

describe("a tab that was closed by mistake", () => {
  test("leaves nothing in the browser but what lets the patron in again", async () => {
    const kept = await chats(ricky);
    expect(kept.map((chat) => Object.keys(chat))).toEqual([["sessionId", "token", "began", "keptUntil"]]);
    expect(JSON.stringify(kept)).not.toMatch(/plat map|Ricky|looking/);
  });

  test("is offered to come back to, and nothing of the chat is shown or sent before", async () => {
    await ricky.page.close();
    await mrLee.sayToPatron("It is in drawer 7.");
    ricky = await openTab(ricky.visitor);
    await ricky.leftOpen.waitFor();
    await expect.poll(() => ricky.leftOpen.evaluate((heading) => document.activeElement === heading)).toBe(true);
    const shown = await ricky.page.locator("body").textContent();
    expect(shown).toMatch(/It began (to|yester)day at/);
    expect(shown).not.toMatch(/plat map|Ricky|Mr Lee|looking|drawer/);
    expect(ricky.visitor.received).toEqual([]);
    await look(ricky.visitor, "left-open");
  });

  test("by keyboard, with what was written meanwhile, and each message once", async () => {
    await press(ricky.page, ricky.goOn);
    await ricky.conversation.shows("It is in drawer 7.");
    const lines = await ricky.conversation.text();
    for (const text of [QUESTION, "One moment, I am looking.", "It is in drawer 7."]) {
      expect(lines.filter((line) => line.includes(text))).toHaveLength(1);
    }
    await ricky.say("I have closed the wrong tab.");
    await mrLee.conversation.shows("I have closed the wrong tab.");
  });
});

describe("a second tab, while the chat is open in another one", () => {
  test("says so, and the chat may go on in both", async () => {
    second = await openTab(ricky.visitor);
    await second.openElsewhere.waitFor();
    await look(second.visitor, "open-elsewhere");
    await second.goOn.click();
    await second.conversation.shows("I have closed the wrong tab.");
    await second.say("Now I am here twice.");
    await mrLee.conversation.shows("Now I am here twice.");
    await ricky.conversation.shows("Now I am here twice.");
    await mrLee.sayToPatron("I see you once.");
    for (const page of [ricky, second]) await page.conversation.shows("I see you once.");
    await second.page.close();
    await ricky.say("The other tab is closed.");
    await mrLee.conversation.shows("The other tab is closed.");
  });

  test("leaves that one alone when the patron starts another chat in it", async () => {
    second = await openTab(ricky.visitor);
    await second.openElsewhere.waitFor();
    await second.startAnew.click();
    await second.question.waitFor();
    await second.page.reload();
    await second.question.waitFor();
    await ricky.say("Still here.");
    await mrLee.conversation.shows("Still here.");
    await second.page.close();
  });

  test("sees when that tab is closed", async () => {
    second = await openTab(ricky.visitor);
    await second.openElsewhere.waitFor();
    await ricky.page.close();
    await second.leftOpen.waitFor();
  });
});

describe("somebody else at the same computer (D78)", () => {
  test("starts a new chat, which ends the old one and shows nothing of it", async () => {
    await second.startAnew.click();
    await second.question.waitFor();
    await mrLee.conversation.shows("Patron ended");
    expect(await second.page.locator("body").textContent()).not.toMatch(/plat map|Ricky|drawer/);
    expect(second.visitor.everReceived("drawer")).toBe(false);
    await expect.poll(() => chats(second)).toEqual([]);
    await second.visitor.picture("closed-tab-new-chat");
    await second.ask({ question: "May I bring my dog?", name: "Rosa" });
    await mrLee.pickUp("Rosa");
    await mrLee.say("Yes, if it is quiet.");
    await second.conversation.shows("Yes, if it is quiet.");
  });

  test("finds that their own chat has ended while its tab was closed, and clears it", async () => {
    await second.page.close();
    await mrLee.end();
    const rosa = await openTab(second.visitor);
    await rosa.leftOpen.waitFor();
    await rosa.goOn.click();
    await rosa.ended.waitFor();
    await rosa.conversation.shows("Yes, if it is quiet.");
    expect(await chats(rosa)).toEqual([]);
    await rosa.page.getByRole("button", { name: "Clear this page" }).click();
    await rosa.question.waitFor();
    const kept = await rosa.page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
    expect(kept).not.toContain("token");
    await rosa.page.close();
    ricky = await openTab(rosa.visitor);
    await ricky.question.waitFor();
  });

  test("finds nothing where the library has browsers remember nothing", async () => {
    const dana = await stage.patron("harbor");
    await dana.ask({ question: "When do you close?", name: "Dana" });
    await dana.waiting.waitFor();
    expect(await chats(dana)).toEqual([]);
    await dana.page.close();
    const next = await openTab(dana.visitor, "harbor");
    await next.question.waitFor();
  });
});

test("In the library's own site it is the same, for that site alone (D85)", async () => {
  const visitor = await stage.visitor();
  await visitor.page.goto(site.origin);
  const first = new Widget(visitor);
  await first.open();
  await first.chat.ask({ question: "Do you lend skis?", name: "Toni" });
  await first.chat.waiting.waitFor();
  await visitor.page.close();
  const tab = await visitor.openTab();
  await tab.page.goto(site.origin);
  const widget = new Widget(tab);
  await widget.open();
  // This Chromium gives frames of another site neither storage nor locks.
  await widget.chat.begunHere.waitFor();
  await look(tab, "widget");
  await widget.chat.goOn.click();
  await widget.chat.waiting.waitFor();
  await widget.minimise();
  await widget.says("Back to your chat");
});

test("No browser complained", () => {
  expect(stage.complaints).toEqual([]);
});

/** Opens the page of a library in a new tab of somebody's browser. */
async function openTab(visitor: Visitor, library = "maple"): Promise<PatronPage> {
  const tab = await visitor.openTab();
  await tab.page.goto(stage.carrel.page(`/ask/${library}`));
  return new PatronPage(tab);
}

/** What the browser remembers of chats beyond their tabs. */
function chats({ page }: PatronPage): Promise<object[]> {
  return page.evaluate(() => {
    const stored = Object.entries(localStorage).filter(([key]) => key.startsWith("carrel.chat."));
    return stored.map(([, value]) => JSON.parse(value as string) as object);
  });
}

/** Looks at the page in light and dark, and on a phone. */
async function look(visitor: Visitor, name: string): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await visitor.page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await visitor.picture(`closed-tab-${name}-${colorScheme}`);
    expect(await violations(visitor.page), `${name}, ${colorScheme}`).toEqual([]);
  }
  await visitor.page.setViewportSize({ width: 360, height: 740 });
  await visitor.picture(`closed-tab-${name}-phone`);
  await visitor.page.setViewportSize({ width: 1280, height: 800 });
  await visitor.page.emulateMedia({ colorScheme: "light", reducedMotion: null });
}
