/** A library puts the chat into its own web site, which has another origin (D85, D86, T15). */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { violations } from "../src/accessibility";
import type { Desk } from "../src/desk";
import { press, write } from "../src/keyboard";
import { Site } from "../src/site";
import { Stage } from "../src/stage";
import { tellStory } from "../src/story";
import type { Visitor } from "../src/visitor";
import { Widget } from "../src/widget";

const WIDE = { width: 1280, height: 800 };
const PHONE = { width: 360, height: 740 };
const SMALL = { width: 360, height: 520 };

let site: Site;
let stranger: Site;
let stage: Stage;
let ricky: Widget;
let msMap: Desk;
/** Somebody at a site that the operator has not listed: their browser has reason to complain. */
let misled: Visitor;

tellStory(() => stage);

beforeAll(async () => {
  [site, stranger] = await Promise.all([Site.open(), Site.open()]);
  stage = await Stage.open({ CARREL_GATEWAY__EMBEDDING_ORIGINS: JSON.stringify([site.origin]) });
  for (const one of [site, stranger]) one.embed(stage.carrel.page(""));
});

afterAll(async () => {
  await stage?.close();
  await Promise.all([site?.close(), stranger?.close()]);
});

test("A page of the site has a button, and loads nothing more until it is pressed (D85)", async () => {
  const visitor = await stage.visitor();
  const { page } = visitor;
  const asked: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  await page.goto(site.origin);
  ricky = new Widget(visitor);
  await ricky.button.waitFor();
  expect(asked.filter((address) => address.startsWith(stage.carrel.page("")))).toEqual([
    stage.carrel.page("/embed.js"),
  ]);
  expect(await ricky.button.getAttribute("aria-expanded")).toBe("false");
  await look("button");
});

test("The site's own styles do not reach it (D85)", async () => {
  const style = await ricky.button.evaluate((button) => {
    const { fontSize, textTransform, letterSpacing, backgroundColor } = getComputedStyle(button);
    return { fontSize, textTransform, letterSpacing, backgroundColor };
  });
  expect(style).toEqual({
    fontSize: "16px",
    textTransform: "none",
    letterSpacing: "normal",
    backgroundColor: "rgb(20, 89, 90)",
  });
  const box = await ricky.button.boundingBox();
  expect((box?.x ?? 0) + (box?.width ?? 0)).toBe(WIDE.width - 16);
  expect((box?.y ?? 0) + (box?.height ?? 0)).toBe(WIDE.height - 16);
});

test("It is as the site's web master has chosen (D85)", async () => {
  const { page } = ricky.visitor;
  await page.goto(`${site.origin}/contact`);
  const button = page.getByRole("button", { name: "Ask a librarian of Maple", exact: true });
  await button.waitFor();
  const colors = await button.evaluate((element) => {
    const { color, backgroundColor } = getComputedStyle(element);
    return [color, backgroundColor];
  });
  expect(colors).toEqual(["rgb(0, 0, 0)", "rgb(255, 204, 0)"]);
  expect((await button.boundingBox())?.x).toBe(16);
  await ricky.visitor.picture("embedded-chosen");
  expect(await violations(page)).toEqual([]);
  await page.goto(site.origin);
  await ricky.button.waitFor();
});

test("Ricky opens it and asks with the keyboard alone (D82)", async () => {
  const { page } = ricky.visitor;
  await press(page, ricky.button);
  await ricky.panel.waitFor();
  expect(await ricky.button.getAttribute("aria-expanded")).toBe("true");
  // The focus is where he writes, without a further key.
  await focused("Your question");
  await page.keyboard.type("Where is the plat book of 1874?");
  await page.keyboard.press("Escape");
  await ricky.panel.waitFor({ state: "hidden" });
  expect(await hasFocus()).toBe(true);
  await page.keyboard.press("Space");
  await focused("Your question");
  expect(await ricky.chat.question.inputValue()).toBe("Where is the plat book of 1874?");
  // However long the form is, the way on is in view (D85).
  const start = page.frameLocator("[data-carrel-widget] iframe").getByRole("button", { name: "Start the chat" });
  expect(await start.evaluate((button) => button.getBoundingClientRect().bottom <= innerHeight)).toBe(true);
  await look("form");
  await write(page, ricky.visitor.page.frameLocator("iframe").getByRole("textbox", { name: "Your name" }), "Ricky");
  await page.keyboard.press("Enter");
  await ricky.chat.waiting.waitFor();
  await look("waits");
});

test("He looks around; a librarian comes and writes, and the button says so (D85)", async () => {
  await ricky.minimise();
  await ricky.says("Back to your chat");
  msMap = await stage.librarian("map@harbor", ["Maple County Library"]);
  await msMap.pickUp("Ricky");
  await ricky.says("Back to your chat (1 new message)");
  await msMap.say("It is in the map room.");
  await ricky.says("Back to your chat (2 new messages)");
  const status = ricky.visitor.page.locator("[data-carrel-widget]").getByRole("status");
  expect(await status.textContent()).toBe("2 new messages");
  await look("unread");
});

test("He comes back, and the number is gone (D85)", async () => {
  await ricky.open();
  await ricky.chat.conversation.shows("It is in the map room.");
  await focused("Your message");
  await ricky.chat.say("Which floor?");
  await msMap.conversation.shows("Which floor?");
  await look("chat");
  await ricky.minimise();
  await ricky.says("Back to your chat");
});

describe("on the next page of the site (D85, D51)", () => {
  test("the chat goes on where it was, and only what is new counts", async () => {
    await go("Catalogue");
    await msMap.say("The second.");
    await ricky.says("Back to your chat (1 new message)");
    await ricky.open();
    for (const text of ["It is in the map room.", "Which floor?", "The second."]) {
      await ricky.chat.conversation.shows(text);
    }
    await ricky.chat.say("Thank you.");
    await msMap.conversation.shows("Thank you.");
  });

  test("an open panel is open again, and takes the focus from nothing", async () => {
    await go("Maple County Library");
    await ricky.chat.conversation.shows("Thank you.");
    expect(await ricky.panel.isVisible()).toBe(true);
    await msMap.say("You are welcome.");
    await ricky.chat.conversation.shows("You are welcome.");
    const search = ricky.visitor.page.getByRole("textbox", { name: "Search" });
    expect(await search.evaluate((field) => document.activeElement === field)).toBe(true);
  });

  test("it covers nothing on a phone until it is opened, and then the whole window", async () => {
    const { page } = ricky.visitor;
    await page.setViewportSize(PHONE);
    // The panel is over the link: he goes on by the address.
    await page.goto(`${site.origin}/catalogue`);
    await ricky.button.waitFor();
    expect(await ricky.panel.isVisible()).toBe(false);
    await ricky.open();
    await ricky.chat.conversation.shows("You are welcome.");
    // It moves in.
    await expect.poll(() => ricky.panel.boundingBox(), { timeout: 30_000 }).toEqual({ x: 0, y: 0, ...PHONE });
    await ricky.visitor.picture("embedded-phone");
    expect(await violations(page)).toEqual([]);
    // A phone that is turned, or a window that grows, keeps the chat.
    await page.setViewportSize(WIDE);
    // The panel closes and opens again for it: a key pressed in that moment would reach no box.
    const isModal = () => ricky.panel.evaluate((panel) => panel.matches(":modal"));
    await expect.poll(isModal, { timeout: 30_000 }).toBe(false);
    await ricky.chat.say("Good-bye.");
    await ricky.minimise();
    expect(await hasFocus()).toBe(true);
  });
});

test("The site keeps no more than how the panel is, for this tab, and learns no word of the chat (D86)", async () => {
  const { page } = ricky.visitor;
  const kept = await page.evaluate(() => [{ ...sessionStorage }, { ...localStorage }, document.cookie]);
  expect(kept).toEqual([{ "carrel.widget.maple": expect.stringMatching(/^minimised [0-9a-f]{16}$/) }, {}, ""]);
  await page.evaluate(() => {
    const heard: unknown[] = [];
    addEventListener("message", ({ data }) => heard.push(data));
    Object.assign(window, { heard });
  });
  await msMap.note("He is nice.");
  await msMap.say("Come again.");
  await ricky.says("Back to your chat (1 new message)");
  const heard = await page.evaluate(() => (window as unknown as { heard: unknown[] }).heard);
  expect(heard).toEqual([{ carrel: "chat", running: true, unread: 1 }]);
});

test("The end is something to come back to until it was read (D85)", async () => {
  await msMap.end();
  await ricky.says("Ask a librarian (2 new messages)");
  await go("Maple County Library");
  await ricky.says("Ask a librarian (2 new messages)");
  await ricky.open();
  await ricky.chat.ended.waitFor();
  await look("ended");
  await inASmallWindow();
  await ricky.minimise();
  await go("Catalogue");
  await ricky.says("Ask a librarian");
  expect(await ricky.frame.count()).toBe(0);
  const kept = await ricky.visitor.page.evaluate(() => ({ ...sessionStorage }));
  expect(kept).toEqual({ "carrel.widget.maple": expect.stringMatching(/^closed [0-9a-f]{16}$/) });
});

test("A site that is not listed can't show the page, and says where it is (T15)", async () => {
  misled = await stage.visitor();
  await misled.page.goto(stranger.origin);
  const widget = new Widget(misled);
  await widget.open();
  await widget.trouble.waitFor();
  expect(await widget.chat.question.count()).toBe(0);
  expect(misled.complaints.join()).toContain("frame-ancestors");
  const link = widget.trouble.getByRole("link", { name: "Open it in a new tab" });
  expect(await link.getAttribute("href")).toBe(stage.carrel.page("/ask/maple"));
  await misled.picture("embedded-not-listed");
});

test("No browser complained but that one", () => {
  expect(stage.complaints.filter((complaint) => !misled.complaints.includes(complaint))).toEqual([]);
});

/** Follows the link to the site's other page. */
async function go(title: string): Promise<void> {
  const { page } = ricky.visitor;
  await page.getByRole("link", { name: "Go on" }).click();
  await page.getByRole("heading", { name: title, exact: true }).waitFor();
}

/** Waits until the focus is in a field of the patron's page. */
async function focused(name: string): Promise<void> {
  const frame = ricky.visitor.page.frameLocator("[data-carrel-widget] iframe");
  await frame.locator(":focus").waitFor();
  const field = frame.getByRole("textbox", { name });
  await expect.poll(() => field.evaluate((box) => document.activeElement === box), { timeout: 30_000 }).toBe(true);
}

/** Whether the button has the focus. */
function hasFocus(): Promise<boolean> {
  return ricky.button.evaluate((button) => (button.getRootNode() as ShadowRoot).activeElement === button);
}

/** In a small window, what can be done now is in view first, and the transcript begins with the question (D56). */
async function inASmallWindow(): Promise<void> {
  const { page } = ricky.visitor;
  await page.setViewportSize(SMALL);
  const frame = page.frameLocator("[data-carrel-widget] iframe");
  for (const name of ["Ask another question", "Save as text", "Print", "Clear this page"]) {
    const isInView = () =>
      frame.getByRole("button", { name }).evaluate((button) => {
        const { top, bottom } = button.getBoundingClientRect();
        return top >= 0 && bottom <= innerHeight;
      });
    await expect.poll(isInView, { timeout: 30_000, message: name }).toBe(true);
  }
  const transcript = frame.getByRole("log");
  expect(await transcript.evaluate((log) => log.scrollHeight - log.clientHeight)).toBe(0);
  await ricky.visitor.picture("embedded-ended-small");
  expect(await violations(page)).toEqual([]);
  await page.setViewportSize(WIDE);
}

/** Looks at the widget in light and dark. */
async function look(name: string): Promise<void> {
  const { page } = ricky.visitor;
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await ricky.visitor.picture(`embedded-${name}-${colorScheme}`);
    expect(await violations(page), `${name}, ${colorScheme}`).toEqual([]);
  }
  await page.emulateMedia({ colorScheme: "light", reducedMotion: null });
}
