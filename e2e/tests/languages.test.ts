/** A patron who reads Spanish asks, waits, chats and ends, and never meets an English word of the page's (D84). */
import { afterAll, beforeAll, expect, test } from "vitest";
import { violations } from "../src/accessibility";
import type { Desk } from "../src/desk";
import { englishIn } from "../src/english";
import { Stage } from "../src/stage";
import { tellStory } from "../src/story";
import type { Visitor } from "../src/visitor";

const WIDE = { width: 1280, height: 800 };
const NARROW = { width: 360, height: 740 };
/** Names are the same in every language. */
const NAMES = ["Maple County Library"];

let stage: Stage;
let rosa: Visitor;
let msMap: Desk;

tellStory(() => stage);

beforeAll(async () => {
  stage = await Stage.open();
  msMap = await stage.librarian("map@harbor", ["Maple County Library"]);
});

afterAll(async () => {
  await stage?.close();
});

test("the page is in the language of her browser, and what the library says of privacy is, too (PR3)", async () => {
  rosa = await stage.visitor({ locale: "es-MX" });
  await rosa.page.goto(stage.carrel.page("/ask/maple"));
  await rosa.page.getByRole("heading", { name: "¿Qué le gustaría saber?" }).waitFor();
  expect(await rosa.page.evaluate(() => document.documentElement.lang)).toBe("es");
  expect(await rosa.page.title()).toBe("Pregunte a Maple County Library");
  await rosa.page.getByText("El personal de Maple County Library puede supervisar").waitFor();
  await look("form");
});

test("a text that is left in English would be noticed", async () => {
  const hint = rosa.page.getByRole("textbox", { name: "Su pregunta" });
  await hint.evaluate((box) => box.setAttribute("placeholder", "Ask your question"));
  expect(await englishIn(rosa.page, NAMES)).toHaveLength(3);
  await rosa.page.reload();
  await hint.waitFor();
});

test("she changes it by keyboard, and it stays changed after a reload", async () => {
  await rosa.page.getByRole("button", { name: "English" }).press("Enter");
  await rosa.page.getByRole("heading", { name: "What would you like to know?" }).waitFor();
  await rosa.page.reload();
  await rosa.page.getByRole("heading", { name: "What would you like to know?" }).waitFor();
  await rosa.page.getByRole("button", { name: "Español" }).press("Enter");
  await rosa.page.getByRole("heading", { name: "¿Qué le gustaría saber?" }).waitFor();
});

test("she asks and waits", async () => {
  await rosa.page.getByRole("textbox", { name: "Su pregunta" }).fill("¿Quién dibujó el primer mapa?");
  await rosa.page.getByRole("textbox", { name: "Su nombre" }).fill("Rosa");
  await rosa.page.getByRole("button", { name: "Empezar el chat" }).click();
  await rosa.page.getByRole("heading", { name: "Usted es la siguiente persona" }).waitFor();
  await look("waits");
});

test("she chats", async () => {
  await msMap.pickUp("Rosa");
  await rosa.page.getByText("Ms Map se ha unido al chat").waitFor();
  await rosa.page.getByRole("textbox", { name: "Su mensaje" }).fill("Hola");
  await rosa.page.getByRole("button", { name: "Enviar" }).click();
  await rosa.page.getByText("Enviado").waitFor();
  await look("chats");
});

test("she ends it, with everything that the page says then", async () => {
  await rosa.page.getByRole("button", { name: "Terminar el chat" }).click();
  await rosa.page.getByRole("alertdialog").getByRole("button", { name: "Terminar el chat" }).click();
  await rosa.page.getByRole("heading", { name: "Usted ha terminado el chat" }).waitFor();
  await look("ended");
});

test("an address can name the language, and a library of one language has no choice", async () => {
  const other = await stage.visitor({ locale: "en-US" });
  await other.page.goto(stage.carrel.page("/ask/maple?lang=es"));
  await other.page.getByRole("heading", { name: "¿Qué le gustaría saber?" }).waitFor();
  await other.page.goto(stage.carrel.page("/ask/harbor?lang=es"));
  await other.page.getByRole("heading", { name: "What would you like to know?" }).waitFor();
  expect(await other.page.getByRole("navigation").count()).toBe(0);
  expect(stage.complaints).toEqual([]);
});

async function look(name: string): Promise<void> {
  await rosa.picture(`language-${name}`);
  await rosa.page.setViewportSize(NARROW);
  await rosa.picture(`language-${name}-narrow`);
  const overflow = await rosa.page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  expect(overflow, `${name} is wider than 360 pixels`).toBeLessThanOrEqual(0);
  expect(await violations(rosa.page), name).toEqual([]);
  expect(await englishIn(rosa.page, NAMES), name).toEqual([]);
  await rosa.page.setViewportSize(WIDE);
}
