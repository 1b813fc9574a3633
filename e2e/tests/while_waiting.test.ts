/**
 * A patron who reads Spanish adds to her question while she waits, and staff read it and in which language an answer is
 * welcome (D30, D84); what a librarian has begun to type survives a reload (D60); the list of ended sessions keeps up (D71).
 */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { violations } from "../src/accessibility";
import type { Desk } from "../src/desk";
import { Stage } from "../src/stage";
import { tellStory } from "../src/story";
import type { Visitor } from "../src/visitor";

const QUESTION = "¿Quién dibujó el primer mapa?";
const MORE = "El de 1851.";

let stage: Stage;
let rosa: Visitor;
let msMap: Desk;
let admin: Desk;

tellStory(() => stage);

beforeAll(async () => {
  stage = await Stage.open();
});

afterAll(async () => {
  await stage?.close();
});

test("she asks, and adds to her question while she waits", async () => {
  rosa = await stage.visitor({ locale: "es-MX" });
  await rosa.page.goto(stage.carrel.page("/ask/maple?lang=es"));
  await rosa.page.getByRole("textbox", { name: "Su pregunta" }).fill(QUESTION);
  await rosa.page.getByRole("textbox", { name: "Su nombre" }).fill("Rosa");
  await rosa.page.getByRole("button", { name: "Empezar el chat" }).click();
  await rosa.page.getByRole("heading", { name: "Usted es la siguiente persona" }).waitFor();
  const box = rosa.page.getByRole("textbox", { name: "Puede añadir algo a su pregunta mientras espera" });
  await fits(rosa, "waits");
  await box.fill(MORE);
  await box.press("Enter");
  await rosa.page.getByRole("log").getByText(MORE).waitFor();
  await rosa.page.getByText("Enviado").waitFor();
  expect(await box.evaluate((element) => element === document.activeElement)).toBe(true);
  await fits(rosa, "adds");
});

test("staff read both before they pick her up, and which language she reads", async () => {
  msMap = await stage.librarian("map@harbor", ["Maple County Library"]);
  await msMap.show("New");
  await msMap.opener("New", "Rosa").focus();
  const preview = msMap.page.getByRole("tooltip");
  await preview.getByText(MORE).waitFor();
  expect(await preview.innerText()).toMatch(/Reads\s+Spanish/);
  await msMap.visitor.picture("waiting-preview");
  expect(await violations(msMap.page)).toEqual([]);
  await msMap.pickUp("Rosa");
  await msMap.conversation.shows(MORE);
  await msMap.page.getByText("reads Spanish").waitFor();
  await fits(msMap.visitor, "session");
});

test("what Ms Map has begun to type is there after a reload, and not after she has logged out", async () => {
  await msMap.patronBox.fill("Fue Elias");
  await msMap.notesBox.fill("Ask Mr L");
  await msMap.page.reload();
  await msMap.patronBox.waitFor();
  expect(await msMap.patronBox.inputValue()).toBe("Fue Elias");
  expect(await msMap.notesBox.inputValue()).toBe("Ask Mr L");
  await msMap.page.getByRole("button", { name: "Log out" }).click();
  await msMap.page.getByRole("alertdialog").getByRole("button", { name: "Log out" }).click();
  await msMap.nameBox.waitFor();
  expect(await msMap.page.evaluate(() => JSON.stringify({ ...sessionStorage }))).not.toContain("Elias");
  await msMap.logIn("map@harbor", "demo", []);
  await msMap.show("My Active");
  await msMap.opener("My Active", "Rosa").click();
  await msMap.patronBox.waitFor();
  expect(await msMap.patronBox.inputValue()).toBe("");
});

test("the list of ended sessions says what has ended since it was opened", async () => {
  admin = await stage.librarian("admin@maple");
  await admin.page.getByRole("tab", { name: "Transcripts" }).click();
  await admin.page.getByText("No session has ended yet.").first().waitFor();
  await msMap.end();
  await msMap.page.getByRole("group", { name: "How did it end?" }).waitFor();
  // As when the user comes back to the tab: there was nothing, so what is new is shown at once.
  await comesBack(admin.page);
  await admin.page.getByRole("button", { name: /^Transcript of Rosa/ }).waitFor();

  const ricky = await stage.patron("maple");
  await ricky.ask({ question: "And the second?", name: "Ricky" });
  await ricky.page.getByRole("button", { name: "Leave the queue" }).click();
  await ricky.page.getByRole("alertdialog").getByRole("button", { name: "Leave the queue" }).click();
  await ricky.page.getByRole("heading", { name: "You left the queue" }).waitFor();
  const opener = admin.page.getByRole("button", { name: /^Transcript of Rosa/ });
  await opener.focus();
  await comesBack(admin.page);
  const news = admin.page.getByRole("button", { name: "Show 1 session that ended since" });
  await news.waitFor();
  expect(await opener.evaluate((element) => element === document.activeElement)).toBe(true);
  await fits(admin.visitor, "ended-news");
  await news.press("Enter");
  const shown = admin.page.getByRole("button", { name: /^Transcript of Ricky/ });
  await shown.waitFor();
  await admin.page.waitForFunction(() => document.activeElement?.textContent?.includes("Ricky"));
  expect(stage.complaints).toEqual([]);
});

async function comesBack(page: Page): Promise<void> {
  await page.bringToFront();
  await page.evaluate(() => dispatchEvent(new Event("focus")));
}

/** Looks at a page as it is, in forced colours, and at 320 pixels. */
async function fits(visitor: Visitor, name: string): Promise<void> {
  const { page } = visitor;
  const size = page.viewportSize();
  await visitor.picture(`waiting-${name}`);
  expect(await violations(page), name).toEqual([]);
  await page.emulateMedia({ forcedColors: "active" });
  await visitor.picture(`waiting-${name}-forced`);
  await page.emulateMedia({ forcedColors: "none" });
  await page.setViewportSize({ width: 320, height: 640 });
  await visitor.picture(`waiting-${name}-narrow`);
  const overflow = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  expect(overflow, `${name} is wider than 320 pixels`).toBeLessThanOrEqual(0);
  expect(await violations(page), `${name}, narrow`).toEqual([]);
  if (size) await page.setViewportSize(size);
}
