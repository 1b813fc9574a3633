/** A patron is offered to a whole queue, and nobody accepts in time (R15, D43, D47). The patron always has an owner. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Desk } from "../src/desk";
import type { PatronPage } from "../src/patron_page";
import { Stage } from "../src/stage";
import { tellStory } from "../src/story";

const COOPERATIVE = "24/7 Cooperative";
const MESSAGE = "He needs it for a court on Friday.";

let stage: Stage;
let ricky: PatronPage;
let mrLee: Desk;
let msMap: Desk;
let mrReed: Desk;

tellStory(() => stage);

beforeAll(async () => {
  // The default is a minute. This is long enough for everyone to see the offer, and short enough to wait for.
  stage = await Stage.open({ CARREL_SESSION__TRANSFER_LAPSE: "10s" }, "two_libraries.toml");
  mrLee = await stage.librarian("lee@maple", ["Maple County Library", COOPERATIVE]);
  msMap = await stage.librarian("map@harbor", [COOPERATIVE]);
  mrReed = await stage.librarian("reed@harbor", [COOPERATIVE]);
  ricky = await stage.patron("maple");
  await ricky.ask({ question: "Where is the plat map of 1874?", name: "Ricky" });
  await mrLee.pickUp("Ricky");
  await mrLee.say("One moment, I am looking.");
  await ricky.conversation.shows("One moment, I am looking.");
});

afterAll(async () => {
  await stage?.close();
});

test("everybody in the queue is asked", async () => {
  const offers = [msMap, mrReed].map((desk) => desk.offered("Mr Lee", "Ricky"));
  // Waits for it before it is made, since it does not stand for long.
  const seen = offers.map((offer) => offer.getByText(MESSAGE).waitFor());
  await Promise.all([...seen, mrLee.offer("Ricky", `Queue ${COOPERATIVE}`, MESSAGE)]);
});

test("an offer that nobody answers lapses, and the owner reads it", async () => {
  await mrLee.conversation.shows("lapsed: nobody accepted in time");
  for (const desk of [msMap, mrReed]) await desk.offered("Mr Lee", "Ricky").waitFor({ state: "detached" });
});

test("the owner goes on with the patron, who hears nothing of it (D47)", async () => {
  await mrLee.say("Still with you.");
  await ricky.conversation.shows("Still with you.");
  expect(ricky.visitor.everReceived(MESSAGE)).toBe(false);
});

test("No browser complained: no blocked content, no script error", () => {
  expect(stage.complaints).toEqual([]);
});
