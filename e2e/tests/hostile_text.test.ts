/** Text that looks like a script stays text, wherever it comes from (R22, R23). */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Conversation } from "../src/conversation";
import type { Desk } from "../src/desk";
import type { PatronPage } from "../src/patron_page";
import { Stage } from "../src/stage";
import { tellStory } from "../src/story";
import { Visitor } from "../src/visitor";

const CORPUS = [
  "<script>window.hit=1</script>",
  "<img src=x onerror=window.hit=1>",
  '"><svg onload=window.hit=1>',
  "</textarea><iframe srcdoc='<script>parent.hit=1</script>'></iframe>",
  "<a href='javascript:window.hit=1'>press me</a>",
  "javascript:window.hit=1",
  "JaVaScRiPt:window.hit=1//https://maple.example/",
  "data:text/html,<script>window.hit=1</script>",
  'https://maple.example/"onmouseover="window.hit=1',
  "{{constructor.constructor('window.hit=1')()}} #{window.hit=1}",
  "<style>*{display:none}</style><base href='https://evil.example/'>",
  "&lt;b&gt; &amp;#60;script&amp;#62;",
  "\u202Egnp.exe \u0430pple.example \u{1F469}\u200D\u{1F469}\u200D\u{1F467} e\u0301",
];
const NAME = "<b onclick=window.hit=1>Ricky</b>";

let stage: Stage;
let ricky: PatronPage;
let msMap: Desk;

tellStory(() => stage);

beforeAll(async () => {
  stage = await Stage.open();
  ricky = await stage.patron("maple");
  await ricky.ask({ question: CORPUS[0] as string, name: NAME });
  msMap = await stage.librarian("map@harbor", ["Maple County Library"]);
  await msMap.pickUp(NAME);
});

afterAll(async () => {
  await stage?.close();
});

test("a question and a name are shown as they were written", async () => {
  await msMap.conversation.shows(CORPUS[0] as string);
  expect(await msMap.conversation.item(CORPUS[0] as string).textContent()).toContain(NAME);
});

describe("shown as it was written, to both", () => {
  for (const [index, text] of CORPUS.entries()) {
    test(`${index + 1}: ${JSON.stringify(text)}`, async () => {
      const [asked, answered, noted] = [`p${index} ${text}`, `l${index} ${text}`, `n${index} ${text}`];
      await ricky.say(asked);
      await shownAsWritten(msMap.conversation, asked);
      await msMap.say(answered);
      await shownAsWritten(ricky.conversation, answered);
      await msMap.note(noted);
      await shownAsWritten(msMap.conversation, noted);
    });
  }

  test("no script ran and no element came of it", async () => {
    for (const page of [ricky.page, msMap.page]) {
      expect(await page.evaluate(() => (window as { hit?: number }).hit)).toBeUndefined();
      const log = page.getByRole("log", { name: "Conversation" });
      expect(await log.locator("script, img, iframe, style, base, b, [onerror], [onload], [onclick]").count()).toBe(0);
      const links = await log
        .getByRole("link")
        .evaluateAll((all) => all.map((link) => (link as HTMLAnchorElement).protocol));
      expect(links.filter((protocol) => !["http:", "https:", "mailto:"].includes(protocol))).toEqual([]);
    }
  });
});

test("a page that is none is refused, with a reason, and reaches nobody (R22)", async () => {
  const before = await ricky.conversation.text();
  for (const address of ["javascript:alert(1)", "data:text/html,hello", "file:///etc/passwd"]) {
    await msMap.tryToPushPage(address);
    await msMap.page.getByRole("alert").filter({ hasText: "begins with http:// or https://" }).waitFor();
    await msMap.giveUpPage();
  }
  await msMap.say("That did not work.");
  await ricky.conversation.shows("That did not work.");
  expect((await ricky.conversation.text()).slice(before.length)).toHaveLength(1);
});

test("a script that got into a page all the same would not run: the browser blocks it, and we would hear of it", async () => {
  const visitor = await Visitor.arrive(stage.browser);
  await visitor.page.goto(stage.carrel.page("/desk"));
  await visitor.page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "window.hit = 1";
    document.head.append(script);
  });
  expect(await visitor.page.evaluate(() => (window as { hit?: number }).hit)).toBeUndefined();
  expect(visitor.complaints).toHaveLength(1);
  await visitor.leave();
});

test("No browser complained: no blocked content, no script error", () => {
  expect(stage.complaints).toEqual([]);
});

async function shownAsWritten(conversation: Conversation, text: string): Promise<void> {
  const item = await conversation.shows(text);
  expect(await item.textContent()).toContain(text);
}
