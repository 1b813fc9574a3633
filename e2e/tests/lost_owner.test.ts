/**
 * A librarian whose connection is gone for too long: the patron waits again, and a supervisor inside takes over (R7).
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Desk } from "../src/desk";
import type { PatronPage } from "../src/patron_page";
import { Stage } from "../src/stage";
import { tellStory } from "../src/story";

let stage: Stage;
let ricky: PatronPage;
let msMap: Desk;
let admin: Desk;
let mrLee: Desk;

tellStory(() => stage);

beforeAll(async () => {
  // Short enough to wait for, and long enough for a librarian to come back after the restart on a busy machine.
  stage = await Stage.open({ CARREL_SESSION__OWNER_GRACE: "8s" });
  ricky = await stage.patron("maple");
  await ricky.ask({ question: "Where is the plat map of 1874?", name: "Ricky" });
  msMap = await stage.librarian("map@harbor", ["Maple County Library"]);
  await msMap.pickUp("Ricky");
  await msMap.say("One moment, I am looking");
  await ricky.conversation.shows("One moment, I am looking");
  admin = await stage.librarian("admin@maple");
  await admin.enter("Ricky");
  mrLee = await stage.librarian("lee@maple", ["Maple County Library"]);
});

afterAll(async () => {
  await stage?.close();
});

test("the patron waits again, and reads that what was written is kept", async () => {
  await ricky.box.fill("Half a sentence");
  await stage.carrel.kill();
  await msMap.page.context().setOffline(true);
  await stage.carrel.restart();
  await ricky.waiting.waitFor();
  await ricky.page.getByText("What you and your librarian have written so far is kept.").waitFor();
  await ricky.page.getByRole("status").filter({ hasText: "You are waiting for a librarian again" }).waitFor();
  expect(await ricky.box.inputValue()).toBe("Half a sentence");
});

test("what the patron writes while they wait is there for whoever comes", async () => {
  await ricky.say("I can wait");
  await admin.conversation.shows("I can wait");
  await ricky.box.fill("Half a sentence");
});

test("the row in New says so", async () => {
  await mrLee.show("New");
  await mrLee.row("New", "Ricky").filter({ hasText: "lost their librarian" }).waitFor();
});

test("a supervisor inside takes over, and is the owner from then on", async () => {
  await admin.page.getByText("connection was lost and the patron is waiting again. You can take over.").waitFor();
  // The others see it only for some seconds, which may be over by the time the new owner's page is checked.
  const pickedUp = mrLee.row("New", "Ricky").filter({ hasText: "Maple Admin picked this patron up" });
  await Promise.all([pickedUp.waitFor(), admin.page.getByRole("button", { name: "Take over" }).click()]);
  await admin.endButton.waitFor();
  await admin.conversation.shows("You picked the patron up");
  expect(await admin.banner.count()).toBe(0);
  expect(await admin.leaveButton.count()).toBe(0);
  await admin.row("My Active", "Ricky").waitFor();
  expect(await admin.page.getByRole("complementary", { name: "Messages of the desk" }).count()).toBe(0);
});

test("the chat goes on with everything that was written", async () => {
  await ricky.conversation.shows("One moment, I am looking");
  await ricky.page.getByRole("heading", { name: /^Maple Admin/ }).waitFor();
  expect(await ricky.box.inputValue()).toBe("Half a sentence");
  await ricky.say("Are you still there?");
  await admin.conversation.shows("Are you still there?");
  await admin.sayToPatron("I am. The map is in drawer 7.");
  await ricky.conversation.shows("The map is in drawer 7.");
});

test("the former owner, coming back, reads why the session is gone", async () => {
  await msMap.page.context().setOffline(false);
  const messages = msMap.page.getByRole("complementary", { name: "Messages of the desk" });
  await messages.getByRole("listitem").filter({ hasText: "Your session with Ricky is no longer yours" }).waitFor();
  await msMap.page.getByRole("heading", { name: "No session open" }).waitFor();
  await msMap.show("My Active");
  await msMap.page.getByText("No patron with you").waitFor();
});

test("No browser complained but of the lost connection", () => {
  expect(stage.complaints).toEqual([]);
});
