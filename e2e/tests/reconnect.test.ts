/** After a lost connection, a killed server or a reload of the page, nothing is missing and nothing is shown twice. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Desk } from "../src/desk";
import type { PatronPage } from "../src/patron_page";
import { Stage } from "../src/stage";
import { tellStory } from "../src/story";

const ROUNDS = 5;

let stage: Stage;
let ricky: PatronPage;
let msMap: Desk;
const said: string[] = [];

tellStory(() => stage);

beforeAll(async () => {
  stage = await Stage.open();
  ricky = await stage.patron("maple");
  await ricky.ask({ question: "May I renew a book by telephone?", name: "Ricky" });
  msMap = await stage.librarian("map@harbor", ["Maple County Library"]);
  await msMap.pickUp("Ricky");
});

afterAll(async () => {
  await stage?.close();
});

describe("kill -9 in mid-conversation (R8, D60)", () => {
  for (let round = 1; round <= ROUNDS; round += 1) {
    test(`round ${round}: both pages come back by themselves, without a gap or a repeat`, async () => {
      const before = [`patron before ${round}`, `librarian before ${round}`];
      const during = [`patron during ${round}`, `librarian during ${round}`];
      await ricky.say(before[0] as string);
      await msMap.say(before[1] as string);
      // What is under way at the kill may or may not have been committed; the pages send it again.
      await Promise.all([stage.carrel.kill(), ricky.type(during[0] as string), msMap.say(during[1] as string)]);
      await stage.carrel.restart();
      said.push(...before, ...during);
      for (const text of [...before, ...during]) {
        await ricky.conversation.shows(text);
        await msMap.conversation.shows(text);
      }
      await ricky.conversation.sent(during[0] as string);
      await msMap.conversation.sent(during[1] as string);
      expect(await ricky.connection()).toBe("Connected");
      expect(await msMap.connection()).toBe("Connected");
    });
  }

  test("both read the same conversation in the same order", async () => {
    const order = (lines: string[]) => lines.flatMap((line) => said.filter((text) => line.endsWith(text)));
    const patronOrder = order(await ricky.conversation.text());
    expect(patronOrder).toEqual(order(await msMap.conversation.text()));
    expect([...patronOrder].sort()).toEqual([...said].sort());
  });
});

test("a page that is loaded anew goes on where it was (R8)", async () => {
  const patronRead = await ricky.conversation.text();
  await ricky.box.fill("What is half ty");
  await ricky.page.reload();
  await ricky.conversation.shows(said.at(-1) as string);
  // It may be drawn in several steps.
  await expect.poll(() => ricky.conversation.text(), { timeout: 30_000 }).toEqual(patronRead);
  expect(await ricky.box.inputValue()).toBe("What is half ty");

  await msMap.page.reload();
  await msMap.conversation.shows(said.at(-1) as string);
  expect(await msMap.list("My Active").getAttribute("aria-selected")).toBe("true");
  await ricky.say("Still the same chat");
  await msMap.conversation.shows("Still the same chat");
});

test("without a network, a message says that it is not sent yet, and goes out when the network is back (D60)", async () => {
  const context = ricky.page.context();
  await stage.carrel.kill();
  await context.setOffline(true);
  await ricky.type("Written on a train");
  await ricky.conversation.item("Written on a train").filter({ hasText: "Sending" }).waitFor();
  await stage.carrel.restart();
  await context.setOffline(false);
  await ricky.conversation.sent("Written on a train");
  await msMap.conversation.shows("Written on a train");
  await ricky.conversation.shows("Written on a train");
});

test("a page that is let in no longer says so, and the patron can ask at once (R8, D51)", async () => {
  await ricky.page.evaluate(() => {
    const key = "carrel.ask.maple";
    const admission = JSON.parse(sessionStorage.getItem(key) ?? "null");
    admission.token.accessToken = "a token of nobody";
    sessionStorage.setItem(key, JSON.stringify(admission));
  });
  await ricky.page.reload();
  await ricky.page.getByRole("alert").filter({ hasText: "You can't return to your chat" }).waitFor();
  await ricky.visitor.picture("reconnect-let-in-no-longer");
  await ricky.ask({ question: "May I renew two books by telephone?", name: "Ricky" });
  await ricky.waiting.waitFor();
});

test("No browser complained but of the lost connection", () => {
  expect(stage.complaints).toEqual([]);
});
