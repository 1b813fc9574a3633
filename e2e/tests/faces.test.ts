/** Each face (view) of the pages is accessible, in light and dark, from 360 pixels to a wide screen. */
import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { violations } from "../src/accessibility";
import type { Desk } from "../src/desk";
import type { PatronPage } from "../src/patron_page";
import { Stage } from "../src/stage";
import { tellStory } from "../src/story";
import type { Visitor } from "../src/visitor";

const WIDE = { width: 1280, height: 800 };
const NARROW = { width: 360, height: 740 };
const LOW = [
  { width: 640, height: 400 },
  { width: 390, height: 420 },
  { width: 844, height: 390 },
  { width: 320, height: 568 },
  { width: 960, height: 480 },
];

let stage: Stage;
let ricky: PatronPage;
let msMap: Desk;
let admin: Desk;

tellStory(() => stage);

beforeAll(async () => {
  // No offer lapses while a face is looked at.
  stage = await Stage.open({ CARREL_SESSION__TRANSFER_LAPSE: "10m" });
});

afterAll(async () => {
  await stage?.close();
});

describe("the patron's page", () => {
  test("where the patron asks", async () => {
    ricky = await stage.patron("maple");
    await ricky.page.getByRole("textbox", { name: "Your question" }).waitFor();
    await look(ricky.visitor, "patron-form");
  });

  test("where the patron waits", async () => {
    await ricky.ask({ question: "Who drew the first map of Sugar Creek?", name: "Ricky" });
    await ricky.waiting.waitFor();
    await look(ricky.visitor, "patron-waits");
  });
});

describe("the chat monitor", () => {
  test("where librarians log in", async () => {
    const visitor = await stage.visitor();
    await visitor.page.goto(stage.carrel.page("/desk"));
    await visitor.page.getByRole("button", { name: "Log in" }).waitFor();
    await look(visitor, "desk-log-in");
  });

  test("with nobody in hand, and somebody waiting", async () => {
    msMap = await stage.librarian("map@harbor", ["Maple County Library"]);
    await msMap.row("New", "Ricky").waitFor();
    await look(msMap.visitor, "desk-new");
  });

  test("the whole question, before it is picked up (D30)", async () => {
    await msMap.opener("New", "Ricky").hover();
    const preview = msMap.page.getByRole("tooltip");
    await preview.getByText("Who drew the first map of Sugar Creek?").waitFor();
    await msMap.visitor.picture("face-desk-preview");
    expect(await violations(msMap.page)).toEqual([]);
    await msMap.page.mouse.move(900, 700);
    await preview.waitFor({ state: "detached" });
    await msMap.opener("New", "Ricky").focus();
    await preview.waitFor();
    await msMap.page.keyboard.press("Escape");
    await preview.waitFor({ state: "detached" });
  });

  test("which queues to watch, and how to be called (D27, D32)", async () => {
    await msMap.page.getByRole("button", { name: "1 queue" }).click();
    await msMap.queueChooser.waitFor();
    await look(msMap.visitor, "desk-queues");
    await msMap.queueChooser.getByRole("button", { name: "Cancel" }).click();
    const settings = msMap.page.getByRole("button", { name: "Settings", exact: true });
    await settings.click();
    await look(msMap.visitor, "desk-settings-menu");
    await msMap.page.getByRole("menuitem", { name: /^Sounds and alerts/ }).click();
    await msMap.page.getByRole("region", { name: "Alerts" }).waitFor();
    await look(msMap.visitor, "desk-alerts");
    await msMap.page.getByRole("button", { name: "Close", exact: true }).click();
    await settings.click();
    await msMap.page.getByRole("menuitem", { name: /^Keyboard/ }).click();
    await msMap.page.getByRole("dialog", { name: "Keyboard and other settings" }).waitFor();
    await look(msMap.visitor, "desk-settings");
    await msMap.page.getByRole("button", { name: "Close", exact: true }).click();
  });

  test("in a session, with notes and a web page", async () => {
    await msMap.pickUp("Ricky");
    await msMap.say("Good question. I am looking.");
    await ricky.say("Thank you! https://maple.example/maps is what I have read.");
    await msMap.note("Tried the catalogue, nothing there.");
    await msMap.pushPage("https://maple.example/history");
    await ricky.conversation.shows("https://maple.example/history");
    await look(msMap.visitor, "desk-session");
  });

  test("with the policy of the patron's library (D37)", async () => {
    await msMap.page.getByRole("button", { name: "Policy", exact: true }).click();
    await msMap.page.getByRole("region", { name: "Policy, staff only" }).waitFor();
    await look(msMap.visitor, "desk-policy");
    await msMap.page.getByRole("button", { name: "Close the policy" }).click();
  });

  test("the All list and the warning", async () => {
    admin = await stage.librarian("admin@maple");
    await admin.show("All");
    await admin.row("All", "Ricky").waitFor();
    await look(admin.visitor, "desk-all");
    for (const width of [1200, WIDE.width]) {
      await admin.page.setViewportSize({ width, height: WIDE.height });
      await admin.visitor.picture(`face-desk-head-${width}`);
      expect(await rowsOfHead(admin.page), `rows of the head, ${width} wide`).toBe(1);
      expect(await overflow(admin.page), `the desk is wider than ${width} pixels`).toBeLessThanOrEqual(0);
    }
    await admin.openFromAll("Ricky");
    await admin.warning.waitFor();
    await look(admin.visitor, "desk-warning");
    await admin.warning.getByRole("button", { name: "Cancel" }).click();
  });

  test("in conference mode", async () => {
    await admin.enter("Ricky");
    await admin.note("It was Elias Finch, in 1851.");
    await msMap.conversation.shows("It was Elias Finch, in 1851.");
    await look(admin.visitor, "desk-conference");
  });

  test("in conference mode, in a window that is zoomed to 200 % or has a keyboard before it (S13, S14, R6)", async () => {
    for (const low of LOW) {
      await admin.page.setViewportSize(low);
      for (const end of ["top", "bottom"] as const) {
        await scrollTo(admin.page, end);
        expect(await inSight(admin.banner), `banner, ${low.width} wide, ${end}`).toBe(true);
        expect(await inSight(admin.leaveButton), `Leave Session, ${low.width} wide, ${end}`).toBe(true);
      }
      expect((await admin.conversation.area.boundingBox())?.height).toBeGreaterThan(80);
      expect(await overflow(admin.page), `the desk is wider than ${low.width} pixels`).toBeLessThanOrEqual(0);
      await admin.visitor.picture(`face-desk-conference-${low.width}x${low.height}`);
    }
    await admin.page.setViewportSize(WIDE);
  });

  test("asked whether it shall go to the patron", async () => {
    // An answer to a note is asked about for half a minute only, so there has to be a new one.
    await admin.note("The third edition, that is.");
    await msMap.conversation.shows("The third edition, that is.");
    await msMap.say("Really? In 1851?");
    await msMap.guard.waitFor();
    await look(msMap.visitor, "desk-guard");
    await msMap.answerGuard("note");
  });

  test("asked whether to end", async () => {
    await msMap.endButton.click();
    await msMap.page.getByRole("alertdialog").waitFor();
    await look(msMap.visitor, "desk-ending");
    await msMap.page.keyboard.press("Escape");
  });
});

describe("the desk around the session", () => {
  let mrLee: Desk;

  test("who is here, and what can be done with them", async () => {
    mrLee = await stage.librarian("lee@maple", ["Maple County Library"]);
    await mrLee.show("Librarians");
    await mrLee.colleague("Ms Map").waitFor();
    await look(mrLee.visitor, "desk-librarians");
    await mrLee.colleague("Ms Map").click({ button: "right" });
    await look(mrLee.visitor, "desk-librarian-menu");
    await mrLee.page.getByRole("menuitem", { name: "Start IM Session" }).click();
  });

  test("between librarians", async () => {
    await mrLee.writeIm("Ms Map", "Do you know Elias Finch? https://maple.example/finch");
    const request = msMap.page.getByRole("dialog", { name: "New IM Request" });
    await request.waitFor();
    await look(msMap.visitor, "desk-im-request");
    await request.getByRole("button", { name: "OK" }).click();
    await msMap.writeIm("Mr Lee", "I do.");
    await look(msMap.visitor, "desk-im");
    for (const desk of [mrLee, msMap]) await desk.page.getByRole("tab", { name: "Patron Chat" }).click();
  });

  test("a session that is offered", async () => {
    await msMap.page.getByRole("button", { name: "Transfer …" }).click();
    const dialog = msMap.page.getByRole("dialog", { name: "Transfer Ricky" });
    await dialog.getByRole("radio", { name: /^Mr Lee/ }).check();
    await look(msMap.visitor, "desk-transfer");
    await dialog.getByRole("button", { name: "Cancel" }).click();
    await msMap.offer("Ricky", "Mr Lee", "You know Elias Finch.");
    await mrLee.offered("Ms Map", "Ricky").waitFor();
    await look(mrLee.visitor, "desk-offered");
    await look(msMap.visitor, "desk-offering");
    await mrLee.page.getByRole("button", { name: "Decline Ricky from Ms Map" }).click();
    await msMap.offerBar.waitFor({ state: "detached" });
  });
});

describe("after the conversation", () => {
  test("the head over the chat, whose parts stand clear of each other however wide it is (K22)", async () => {
    // The fullest head: after a reload, the browser plays no sound until the patron has done something.
    await ricky.page.reload();
    await ricky.page.getByText("Sound is off until you click").waitFor();
    await ricky.page.getByRole("slider", { name: "Volume" }).waitFor();
    for (const width of [NARROW.width, 550, 640, 768, 965, WIDE.width]) {
      await ricky.page.setViewportSize({ width, height: WIDE.height });
      await ricky.visitor.picture(`face-patron-head-${width}`);
      expect(await crowded(ricky.page), `crowded in the head, ${width} wide`).toEqual([]);
      expect(await overflow(ricky.page), `the chat is wider than ${width} pixels`).toBeLessThanOrEqual(0);
    }
    await ricky.page.setViewportSize(WIDE);
  });

  test("a chat in a window that is zoomed to 400 % or has a keyboard before it (D82)", async () => {
    for (const low of [{ width: 320, height: 256 }, ...LOW]) {
      await ricky.page.setViewportSize(low);
      const area = await ricky.conversation.area.boundingBox();
      expect(area?.height, `conversation, ${low.width} wide`).toBeGreaterThan(100);
      expect(await inSight(ricky.box), `box, ${low.width} wide`).toBe(true);
      expect(await overflow(ricky.page), `the chat is wider than ${low.width} pixels`).toBeLessThanOrEqual(0);
      await ricky.visitor.picture(`face-patron-chats-${low.width}x${low.height}`);
    }
    await ricky.page.setViewportSize(WIDE);
  });

  test("what such a window has no room for is behind a button, the language too (D82, D84)", async () => {
    const open = ricky.page.getByRole("button", { name: "Sound, colours and language" });
    const language = (name: string) => ricky.page.locator(".chat-settings").getByRole("button", { name });
    for (const low of [{ width: 320, height: 256 }, ...LOW]) {
      await ricky.page.setViewportSize(low);
      await open.click();
      await language("Español").waitFor();
      expect(await overflow(ricky.page), `the chat is wider than ${low.width} pixels`).toBeLessThanOrEqual(0);
      await ricky.visitor.picture(`face-patron-settings-${low.width}x${low.height}`);
      await open.click();
      await language("Español").waitFor({ state: "detached" });
    }
    await open.click();
    await language("Español").click();
    await ricky.page.getByRole("button", { name: "Sonido, colores e idioma" }).waitFor();
    await language("English").click();
    await open.click();
    await ricky.page.setViewportSize(WIDE);
  });

  test("where the patron chats, and has ended", async () => {
    await look(ricky.visitor, "patron-chats");
    await msMap.end();
    await ricky.ended.waitFor();
    await look(ricky.visitor, "patron-ended");
    await look(msMap.visitor, "desk-ended");
  });

  test("the list of libraries", async () => {
    const visitor = await stage.visitor();
    await visitor.page.goto(stage.carrel.page("/"));
    await visitor.page.getByRole("link", { name: /Maple County Library/ }).waitFor();
    await look(visitor, "libraries");
  });

  test("the list of libraries that cannot be read, until it is tried again", async () => {
    const visitor = await stage.visitor();
    const { page } = visitor;
    const list = /\/v1\/libraries\?/;
    await page.route(list, (route) => route.abort());
    await page.goto(stage.carrel.page("/"));
    await page.getByRole("alert").filter({ hasText: "is not answering" }).waitFor();
    await look(visitor, "libraries-not-read");
    await page.unroute(list);
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByRole("link", { name: /Maple County Library/ }).waitFor();
  });
});

describe("an address that leads nowhere", () => {
  test("is a page for people, with the status of what is not there", async () => {
    const visitor = await stage.visitor();
    const { page } = visitor;
    for (const path of ["/nowhere", "/ask/maple/nowhere"]) {
      const answer = await page.goto(stage.carrel.page(path));
      expect(answer?.status()).toBe(404);
      await page.getByRole("heading", { name: "There is no such page" }).waitFor();
      expect(await page.title()).toBe("No such page – Carrel");
    }
    await look(visitor, "no-such-page");
    await page.getByRole("link", { name: "Choose your library" }).click();
    await page.getByRole("link", { name: /Maple County Library/ }).waitFor();
  });

  test("is a short text for programs", async () => {
    const answer = await fetch(stage.carrel.page("/nowhere"), { headers: { accept: "application/json" } });
    expect(answer.status).toBe(404);
    expect(answer.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(await answer.text()).toContain("There is no such page");
  });
});

test("No browser complained: no blocked content, no script error", () => {
  expect(stage.complaints).toEqual([]);
});

/** Looks at a face in every way, and leaves it as it was. */
async function look(visitor: Visitor, name: string): Promise<void> {
  const { page } = visitor;
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await visitor.picture(`face-${name}-${colorScheme}`);
    expect(await violations(page), `${name}, ${colorScheme}`).toEqual([]);
  }
  await page.setViewportSize(NARROW);
  await visitor.picture(`face-${name}-narrow`);
  expect(await overflow(page), `${name} is wider than 360 pixels`).toBeLessThanOrEqual(0);
  expect(await violations(page), `${name}, narrow`).toEqual([]);
  await page.setViewportSize(WIDE);
  await page.emulateMedia({ colorScheme: "light", reducedMotion: null });
}

/** Scrolls everything in the chat monitor except the conversation. */
async function scrollTo(page: Page, end: "top" | "bottom"): Promise<void> {
  await page.evaluate(
    (top) => {
      for (const element of [document.documentElement, document.querySelector(".monitor")]) {
        element?.scrollTo({ top });
      }
    },
    Number(end === "bottom") * 10_000,
  );
}

/** Whether an element is in the window and nothing covers its centre. */
function inSight(target: Locator): Promise<boolean> {
  return target.evaluate((element) => {
    const { left, top, width, height } = element.getBoundingClientRect();
    const there = document.elementFromPoint(left + width / 2, top + height / 2);
    return element.contains(there);
  });
}

/** In how many rows the parts of the desk's head are laid out. */
function rowsOfHead(page: Page): Promise<number> {
  return page.locator(".desk-head").evaluate((head) => {
    const boxes = [...head.children].map((part) => part.getBoundingClientRect()).sort((one, two) => one.top - two.top);
    let rows = 0;
    let bottom = Number.NEGATIVE_INFINITY;
    for (const box of boxes) {
      if (box.top >= bottom) rows += 1;
      bottom = Math.max(bottom, box.bottom);
    }
    return rows;
  });
}

/** The parts of the patron's head that have too little room or overlap another part. */
function crowded(page: Page): Promise<string[]> {
  return page.locator(".ask-head").evaluate((head) => {
    const parts = [...head.children];
    const liesUpon = (one: DOMRect, two: DOMRect) =>
      one.left < two.right && two.left < one.right && one.top < two.bottom && two.top < one.bottom;
    const isCrowded = (part: Element) =>
      part.scrollWidth > part.clientWidth ||
      parts.some((other) => other !== part && liesUpon(part.getBoundingClientRect(), other.getBoundingClientRect()));
    return parts.filter(isCrowded).map((part) => part.className);
  });
}

/** By how many pixels the page is wider than its window. */
function overflow(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}
