/** The story of Ms Map and Ricky, with only a keyboard (D82). */
import { afterAll, beforeAll, expect, test } from "vitest";
import { Desk } from "../src/desk";
import { press, tabTo, write } from "../src/keyboard";
import { PatronPage } from "../src/patron_page";
import { Stage } from "../src/stage";
import { tellStory } from "../src/story";

let stage: Stage;
let ricky: PatronPage;
let msMap: Desk;
let admin: Desk;

tellStory(() => stage);

beforeAll(async () => {
  stage = await Stage.open();
});

afterAll(async () => {
  await stage?.close();
});

test("Ricky asks", async () => {
  const visitor = await stage.visitor();
  const { page } = visitor;
  await page.goto(stage.carrel.page("/"));
  await press(page, page.getByRole("link", { name: /Maple County Library/ }));
  await write(page, page.getByRole("textbox", { name: "Your question" }), "How old is the town hall?");
  await write(page, page.getByRole("textbox", { name: "Your name" }), "Ricky");
  await press(page, page.getByRole("button", { name: "Start the chat" }));
  ricky = new PatronPage(visitor);
  await ricky.waiting.waitFor();
});

test("Ms Map logs in, chooses a queue and picks Ricky up", async () => {
  msMap = await logIn("map@harbor");
  await press(msMap.page, msMap.queue("Maple County Library"), "Space");
  await press(msMap.page, msMap.queueChooser.getByRole("button", { name: "Save" }));
  await press(msMap.page, msMap.opener("New", "Ricky"));
  await msMap.conversation.shows("How old is the town hall?");
});

test("They talk; the focus is in the box where the next message goes", async () => {
  await write(msMap.page, msMap.patronBox, "Let me see.");
  await msMap.page.keyboard.press("Enter");
  await ricky.conversation.shows("Let me see.");
  await write(ricky.page, ricky.box, "Thank you.");
  await ricky.page.keyboard.press("Enter");
  await ricky.page.keyboard.type("Take your time.");
  await ricky.page.keyboard.press("Enter");
  await msMap.conversation.shows("Take your time.");
});

test("Ricky chooses how loud he is called, and whether (K22)", async () => {
  const { page } = ricky;
  const sound = page.getByRole("checkbox", { name: /^Sound/ });
  const volume = page.getByRole("slider", { name: "Volume" });
  await press(page, volume, "ArrowRight");
  expect(await volume.getAttribute("aria-valuetext")).toBe("55 per cent");
  await press(page, sound, "Space");
  await volume.waitFor({ state: "detached" });
  await press(page, sound, "Space");
  await volume.waitFor();
});

test("The administrator goes in and writes a note", async () => {
  admin = await logIn("admin@maple");
  await press(admin.page, admin.queueChooser.getByRole("button", { name: "No queue for now" }));
  // Tabs are one stop; the arrow keys go from one to the next.
  await tabTo(admin.page, admin.list("New"));
  await admin.page.keyboard.press("ArrowRight");
  await admin.page.keyboard.press("ArrowRight");
  await press(admin.page, admin.opener("All", "Ricky"));
  await press(admin.page, admin.warning.getByRole("button", { name: "OK" }));
  await admin.banner.waitFor();
  // R9: the focus is in the Notes box.
  await admin.page.locator("#note-box:focus").waitFor();
  await admin.page.keyboard.type("It is of 1874.");
  await admin.page.keyboard.press("Enter");
  await msMap.conversation.shows("It is of 1874.");
});

test("Ms Map answers the note, then Ricky", async () => {
  await write(msMap.page, msMap.notesBox, "Thanks!");
  await msMap.page.keyboard.press("Enter");
  await admin.conversation.shows("Thanks!");
  await write(msMap.page, msMap.patronBox, "It is of 1874.");
  await msMap.page.keyboard.press("Enter");
  await ricky.conversation.shows("It is of 1874.");
});

test("Ms Map thinks better of a page, and Esc throws nothing away unasked (D60)", async () => {
  const { page } = msMap;
  await press(page, page.getByRole("button", { name: "Web page", exact: true }));
  await write(page, msMap.pageBox, "https://maple.example");
  await page.keyboard.press("Escape");
  await press(page, msMap.throwAway.getByRole("button", { name: "Keep writing" }));
  expect(await msMap.pageBox.inputValue()).toBe("https://maple.example");
  await msMap.pageBox.press("Escape");
  await press(page, msMap.throwAway.getByRole("button", { name: "Throw away" }));
  await msMap.pageBox.waitFor({ state: "detached" });
  // The focus is where the next message goes.
  await page.locator("#patron-box:focus").waitFor();
});

test("The administrator leaves, and Ms Map ends the session", async () => {
  await press(admin.page, admin.leaveButton);
  await admin.banner.waitFor({ state: "detached" });
  await press(msMap.page, msMap.endButton);
  const dialog = msMap.page.getByRole("alertdialog");
  await press(msMap.page, dialog.getByRole("button", { name: /^End/ }));
  await ricky.ended.waitFor();
});

test("Ricky asks another question", async () => {
  const again = ricky.page.getByRole("button", { name: "Ask another question" });
  await tabTo(ricky.page, again);
  await ricky.page.keyboard.press("Enter");
  await ricky.page.getByRole("textbox", { name: "Your question" }).waitFor();
  expect(stage.complaints).toEqual([]);
});

async function logIn(name: string): Promise<Desk> {
  const visitor = await stage.visitor();
  const { page } = visitor;
  await page.goto(stage.carrel.page("/desk"));
  const desk = new Desk(visitor);
  await write(page, desk.nameBox, name);
  await write(page, desk.passwordBox, "demo");
  await page.keyboard.press("Enter");
  await desk.queueChooser.waitFor();
  return desk;
}
