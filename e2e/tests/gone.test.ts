/**
 * People who are gone: a patron whose network is cut, for a short and for a long time, and a librarian whose browser
 * dies.
 *
 * The times are shortened. By default a patron is away after 30 seconds and lost after 3 minutes; here after 20 and 24
 * seconds. So the short cut stands for one of 20 seconds, and the long one for one of 4 minutes. The short cut has to
 * be over before the patron is away, even on a busy machine, so the 20 seconds are not shortened further. With
 * REAL_TIMES in the environment nothing is shortened: the test takes some six minutes, and measures what is promised
 * within a time.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { Desk } from "../src/desk";
import type { PatronPage } from "../src/patron_page";
import { Stage } from "../src/stage";
import { tellStory } from "../src/story";
import type { Wire } from "../src/wire";

const COOPERATIVE = "24/7 Cooperative";
const REAL = process.env.REAL_TIMES !== undefined;
/** The shortest time that the network is cut, in milliseconds. */
const CUT = REAL ? { short: 20_000, long: 240_000 } : { short: 0, long: 0 };
/** The time within which a librarian whose browser died is gone for everyone, in milliseconds (D25, I15). */
const GONE_WITHIN = 20_000;
const CUT_DOWN = {
  CARREL_SESSION__PATRON_AWAY: "20s",
  CARREL_SESSION__PATRON_LOST: "24s",
  CARREL_SESSION__OWNER_GRACE: "4s",
  // The default is 15 seconds, with a sign of life every five.
  CARREL_PRESENCE__LEASE: "4s",
  CARREL_GATEWAY__SOCKET__MONITOR_PING_INTERVAL: "1s",
  CARREL_GATEWAY__SOCKET__HERE_INTERVAL: "500ms",
};

let stage: Stage;
let ricky: PatronPage;
let rosa: PatronPage;
let wire: Wire;
let mrLee: Desk;
let msMap: Desk;
let kill: () => Promise<void>;

tellStory(() => stage);

if (REAL) vi.setConfig({ testTimeout: 600_000, hookTimeout: 120_000 });

beforeAll(async () => {
  stage = await Stage.open(REAL ? {} : CUT_DOWN, "two_libraries.toml");
  mrLee = await stage.librarian("lee@maple", ["Maple County Library", COOPERATIVE]);
  [msMap, kill] = await stage.mortalLibrarian("map@harbor", [COOPERATIVE]);
  // Rosa asked before Ricky did, and waits all the time.
  rosa = await stage.patron("maple");
  await rosa.ask({ question: "May I bring my dog?", name: "Rosa" });
  await rosa.waiting.waitFor();
  [ricky, wire] = await stage.patronOnWire("maple");
  for (const { page } of [mrLee, msMap, ricky]) page.setDefaultTimeout(REAL ? 300_000 : 90_000);
  await ricky.ask({ question: "Where is the plat map of 1874?", name: "Ricky" });
  await msMap.pickUp("Ricky");
  await msMap.say("One moment, I am looking.");
  await ricky.conversation.shows("One moment, I am looking.");
});

afterAll(async () => {
  await stage?.close();
});

describe("a patron's network is cut (R8, D50, D51)", () => {
  test("for a short time: staff see nothing of it, and nothing is missing", async () => {
    const before = (await msMap.visibleText()).length;
    wire.cut();
    await ricky.type("Written in a tunnel");
    await ricky.conversation.item("Written in a tunnel").filter({ hasText: "Sending" }).waitFor();
    await msMap.say("Are you there?");
    await sleep(CUT.short);
    wire.mend();
    // As a browser reports that its network is back: the page tries at once. A test below does without this event.
    await ricky.page.evaluate(() => dispatchEvent(new Event("online")));
    await ricky.conversation.shows("Are you there?");
    await ricky.conversation.sent("Written in a tunnel");
    await msMap.conversation.shows("Written in a tunnel");
    expect((await msMap.visibleText()).length).toBe(before + 2);
  });

  test("for a long time: staff see them away, then lost; the session stays theirs", async () => {
    const cutAt = Date.now();
    wire.cut();
    await msMap.conversation.shows("The patron's connection is gone for the moment");
    await msMap.conversation.shows("The patron's connection is lost");
    await msMap.visitor.picture("gone-1-patron-lost");
    await msMap.sayToPatron("It is in drawer 7.");
    await sleep(Math.max(0, cutAt + CUT.long - Date.now()));
    wire.mend();
    await msMap.conversation.shows("The patron is connected again");
    await ricky.conversation.shows("It is in drawer 7.");
    await ricky.say("I was in a tunnel.");
    await msMap.conversation.shows("I was in a tunnel.");
    expect(ricky.visitor.everReceived("patronConnection")).toBe(false);
  });
});

describe("a librarian's browser is killed (R7, I12, I15)", () => {
  test("they are gone from everybody's list, and their patron waits again, first in line", async () => {
    await mrLee.show("Librarians");
    await mrLee.colleague("Ms Map").waitFor();
    const killedAt = Date.now();
    await kill();
    await mrLee.page.getByText("Nobody else is here").waitFor();
    if (REAL) expect(Date.now() - killedAt).toBeLessThan(GONE_WITHIN);
    await mrLee.show("New");
    await mrLee.row("New", "Ricky").filter({ hasText: "lost their librarian" }).waitFor();
    await mrLee.row("New", "Rosa").waitFor();
    const patrons = mrLee.page.getByRole("list", { name: "Waiting patrons" }).getByRole("listitem");
    expect((await patrons.allTextContents())[0]).toContain("Ricky");
    await mrLee.visitor.picture("gone-2-first-in-line");
  });

  test("the patron reads the same as in any other wait, and what was written is kept", async () => {
    await ricky.waiting.waitFor();
    await ricky.page.getByText("What you and your librarian have written so far is kept.").waitFor();
  });

  test("another librarian goes on with everything that was said", async () => {
    await mrLee.pickUp("Ricky");
    await mrLee.conversation.shows("It is in drawer 7.");
    await mrLee.sayToPatron("I have it in my hand.");
    await ricky.conversation.shows("I have it in my hand.");
  });
});

describe("a patron who waits closes the page (R8)", () => {
  test("they stay under New, marked as lost and not counted as waiting (D30, D50)", async () => {
    await mrLee.page.getByRole("tab", { name: "New 1" }).waitFor();
    await rosa.page.close();
    await mrLee.show("New");
    const row = mrLee.row("New", "Rosa");
    await row.filter({ hasText: "not counted as waiting; may still come back" }).waitFor();
    await mrLee.page.getByRole("tab", { name: "New 0" }).waitFor();
    await mrLee.visitor.picture("gone-3-lost-in-new");
  });

  test("a librarian can pick them up all the same", async () => {
    await mrLee.pickUp("Rosa");
    await mrLee.conversation.shows("May I bring my dog?");
  });
});

test("No browser complained but of the lost connection", () => {
  expect(stage.complaints).toEqual([]);
});
